/** The answers to errors of the session, where a handler returns a `Response`. */
import { errorPage, namesStatus } from "../error-page.ts";

/** The plain page for an error that names its status. Any other error is thrown on to the runtime. */
export function answer(error: unknown): Response {
  if (!namesStatus(error)) throw error;
  const { body, ...head } = errorPage(error);
  return new Response(body, head);
}

/** By its name: the `Sessions` may come from another copy of this package, which has classes of its own. */
export function isUnavailable(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === "StoreUnavailableError";
}
