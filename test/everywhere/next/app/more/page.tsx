import { getSession } from "coatcheck/next";
import { Suspense } from "react";
import { sessions } from "../../sessions";
import {
  countAtOnce,
  countLater,
  signInAndFail,
  signInThenCount,
  signInToForbidden,
  signInToNothing,
  signInWithin,
} from "./actions";

const actions = {
  countAtOnce,
  countLater,
  signInAndFail,
  signInThenCount,
  signInToForbidden,
  signInToNothing,
  signInWithin,
};

export default function More() {
  return (
    <main>
      <Suspense>
        <Visitor />
      </Suspense>
      {Object.entries(actions).map(([name, action]) => (
        <form key={name} action={action}>
          <button type="submit">{name}</button>
        </form>
      ))}
    </main>
  );
}

/** Tries to change the session, which a component cannot. */
async function Visitor() {
  const session = await getSession(sessions);
  const refused: string[] = [];
  for (const call of [
    () => session.set("count", 9),
    () => session.delete("count"),
    () => session.login("ben"),
    () => session.cycleKey(),
    () => session.flush(),
    () => session.logout(),
    () => session.save(),
  ]) {
    try {
      await call();
      refused.push("done");
    } catch (error) {
      refused.push((error as Error).name);
    }
  }
  return <p id="visitor">{`${session.userId} ${refused.join(" ")}`}</p>;
}
