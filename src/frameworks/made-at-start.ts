/** Warns of an application that calls `session()` or `withSession()` while it serves a request: each call opens a store. */
import { warn } from "../warn.ts";

/** The engines that were made in the present turn of the event loop. */
const fresh = new WeakSet<object>();
let uses = 0;

/** Remembers an engine until the present turn of the event loop is over. */
export function noteMade(engine: object): void {
  fresh.add(engine);
  void Promise.resolve().then(() => fresh.delete(engine));
}

/**
 * To be called when an engine gets a request. Warns at the use number `limit` of an engine that was just made: the tests of an
 * application do this too, and an application that serves visitors comes to any number.
 */
export function warnIfJustMade(engine: object, limit: number): void {
  if (!fresh.has(engine)) return;
  uses += 1;
  if (uses !== limit) return;
  warn(
    "COATCHECK_MADE_PER_REQUEST",
    "session() or withSession() was called with options while requests were served, and each call opens a store of its own. Call it once, " +
      "when the application starts.",
  );
}
