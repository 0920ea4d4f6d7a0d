/** Warns of an application that calls `session()` while it serves a request: each call opens a store of its own. */
import { warn } from "../../warn.ts";

/** The engines that were made in the present turn of the event loop. */
const fresh = new WeakSet<object>();
let uses = 0;

/** Remembers an engine until the present turn of the event loop is over. */
export function noteMade(engine: object): void {
  fresh.add(engine);
  void Promise.resolve().then(() => fresh.delete(engine));
}

/** To be called when an engine gets a request. One use in the same turn may be a test of the application; two are a habit. */
export function warnIfJustMade(engine: object): void {
  if (!fresh.has(engine)) return;
  uses += 1;
  if (uses !== 2) return;
  warn(
    "COATCHECK_MADE_PER_REQUEST",
    "session() was called while a request was served, more than once. Each call opens a store with files or connections of " +
      "its own, until the system has no more. Call session() once, when the application starts, and use the middleware that " +
      "it returns for every request.",
  );
}
