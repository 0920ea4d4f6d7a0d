/** Bundlers may put two copies of the package into one program: the adapter of one then gets the `Sessions` of the other. */
import { memoryStore, type Sessions } from "coatcheck";
import { withSession } from "coatcheck/fetch";
import { expect, onTestFinished, test, vi } from "vitest";
import { Visitor } from "../instruments/visitor.ts";
import { everyAdapter } from "./adapters/every-adapter.ts";

async function otherCopy() {
  vi.resetModules();
  return import("coatcheck");
}

test.each(everyAdapter)("$name serves a Sessions that another copy of the package made", async (adapter) => {
  const other = await otherCopy();
  const sessions: Sessions = other.createSessions({ store: memoryStore() });
  const errors: unknown[] = [];
  const { port, close } = await adapter.start({
    sessions: [sessions],
    handler({ session }) {
      try {
        session.require("nothing");
      } catch (error) {
        errors.push(error);
      }
      return { body: String(session.update("visits", (visits = 0) => visits + 1)) };
    },
  });
  onTestFinished(close);
  const visitor = new Visitor(port);
  expect((await visitor.visit()).body).toBe("1");
  expect((await visitor.visit()).body).toBe("2");
  // The application knows the errors of the copy from which it took createSessions.
  for (const error of errors) expect(error).toBeInstanceOf(other.SessionKeyError);
});

test("fetch answers an outage that load() meets in the Sessions of another copy with a plain 503", async () => {
  const other = await otherCopy();
  const store = { ...memoryStore(), read: () => Promise.reject(new Error("away")) };
  const sessions: Sessions = other.createSessions({ store, lazy: true });
  const serve = withSession(sessions, async (_request, session) => {
    await session.load();
    return new Response();
  });
  const cookie = `sessionid=${"a".repeat(32)}`;
  const response = await serve(new Request("http://localhost/", { headers: { cookie } }));
  expect([response.status, response.headers.get("Retry-After")]).toEqual([503, "5"]);
});
