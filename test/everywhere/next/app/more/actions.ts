"use server";

import { getSession, withSession } from "coatcheck/next";
import { forbidden, notFound, redirect } from "next/navigation";
import { after } from "next/server";
import { bothAreHere, hear } from "../../gate";
import { sessions } from "../../sessions";

/** Counts when another request is there that does so, too. */
export const countAtOnce = withSession(sessions, async (session) => {
  session.get("count");
  await bothAreHere();
  session.update("count", (n = 0) => n + 1);
  redirect("/");
});

export const signInToNothing = withSession(sessions, async (session) => {
  session.login("ann");
  notFound();
});

export const signInToForbidden = withSession(sessions, async (session) => {
  session.login("ann");
  forbidden();
});

export const signInAndFail = withSession(sessions, async (session) => {
  session.login("ann");
  throw new Error("a bug");
});

const inner = withSession(sessions, async (session) => {
  session.login("ann");
  return session.userId;
});

/** An action that calls another, then one that follows it. */
export const signInWithin = withSession(sessions, async (session) => {
  await inner();
  hear(`${session.userId}`);
});

/** Two wrapped calls, one after the other: the second finds what the first has stored. */
export async function signInThenCount() {
  await inner();
  await withSession(sessions, async (session) => {
    hear(`${session.userId}`);
    session.update("count", (n = 0) => n + 1);
  })();
}

/** What can be done when the response has left. */
export const countLater = withSession(sessions, async (session) => {
  session.update("count", (n = 0) => n + 1);
  after(async () => {
    const later = await getSession(sessions);
    hear(`${later.userId} has counted to ${later.get("count")}`);
    for (const call of [
      () => later.set("count", 9),
      () => later.logout(),
      () => later.save(),
      () => session.save(),
    ]) {
      try {
        await call();
        hear("done");
      } catch (error) {
        hear((error as Error).name);
      }
    }
  });
  redirect("/");
});
