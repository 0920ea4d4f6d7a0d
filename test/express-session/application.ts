/** Servers on express-session or on the drop-in, and the packages of this folder. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createRequire } from "node:module";

/** Loads a package of this folder. They are not typed here: most have no types of their own. */
export const load = createRequire(import.meta.url);

/** The function of express-session or of the drop-in; both are written against as JavaScript writes them. */
// biome-ignore lint/suspicious/noExplicitAny: as above.
export type Any = any;

export type Handler = (req: Any, res: ServerResponse, next: (error?: unknown) => void) => void;

/** A chain of middleware as connect runs it; `late` gets the errors that came after the response had begun. */
export function chain(
  handlers: readonly Handler[],
  late: (error: Error) => void = () => {},
): RequestListener {
  return (req: IncomingMessage, res: ServerResponse) => {
    let at = 0;
    const next = (error?: unknown): void => {
      if (error !== undefined && error !== null) {
        const { message } = error as Error;
        if (res.headersSent) {
          late(error as Error);
          return;
        }
        res.statusCode = (error as { status?: number }).status ?? 500;
        res.end(`failed: ${message}`);
        return;
      }
      const handler = handlers[at++];
      if (handler === undefined) {
        res.statusCode = 404;
        res.end();
        return;
      }
      try {
        handler(req, res, next);
      } catch (thrown) {
        next(thrown);
      }
    };
    next();
  };
}
