/**
 * `coatcheck/passport`: `passportSession()` between `session()` and `passport.initialize()`. passport and its strategies then
 * find in `req.session` what they know from express-session, on top of a session of coatcheck.
 */
import type { Session } from "../session.ts";
import type { Middleware } from "./express.ts";
import type { AnyRequest } from "./on-node/visit.ts";
import { PassportView } from "./passport/view.ts";

type PassportRequest = AnyRequest & { readonly session?: Session };

/**
 * Middleware after which `req.session` keeps its methods, and any other name reads and writes a key: `req.session.returnTo`.
 *
 * - `req.session.passport.user` is the user's id. passport assigns it at a login, and then calls `save(callback)`, which signs
 *   that user in by `login`. Deleting it ends the session, and keeps the data in a new one without user.
 * - `regenerate(callback)` ends the session, as `flush` does. `req.session` is a new object from then on, and the old one shows
 *   what was there.
 * - A Date may be stored, also within an object. The next request reads it as text.
 *
 * The middleware passes a TypeError to the next error handler where no session of coatcheck is there.
 */
export function passportSession(): Middleware {
  return (request: PassportRequest, _response, next) => {
    const session = request.session;
    if (typeof session?.flush !== "function" || typeof session.cycleKey !== "function") {
      next(
        new TypeError(
          "passportSession() found no session of coatcheck on the request. Mount it after session() from coatcheck/express, and " +
            "before passport: app.use(session(options)), app.use(passportSession()), app.use(passport.initialize()).",
        ),
      );
      return;
    }
    show(request, new PassportView(session, { replace: (view) => show(request, view), failed: next }));
    next();
  };
}

/** The property that a request, or its prototype, has without us. */
const BEFORE = Symbol("coatcheck.passport");

type Shown = PassportRequest & { [BEFORE]?: PropertyDescriptor };

/** Makes `request.session` a view of the session. A `session()` further in still shows its own. */
function show(request: Shown, view: PassportView): void {
  request[BEFORE] ??= Object.getOwnPropertyDescriptor(request, "session") as PropertyDescriptor;
  const before = request[BEFORE];
  Object.defineProperty(request, "session", {
    ...before,
    get(this: Shown) {
      const session: unknown = before.get?.call(this);
      return session === view.session ? view.proxy : session;
    },
  });
}
