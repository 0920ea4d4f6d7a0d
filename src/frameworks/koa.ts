/** `coatcheck/koa`: `app.use(session(options))`, then `ctx.session` in every middleware that follows. */
import type { Middleware } from "koa";
// Renamed, because other packages declare a `Session` of their own in the scope of the declaration below.
import type { Session as VisitorSession } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import type { Options } from "../settings/options.ts";
import { sessionsOnNode } from "./on-node/default-store.ts";
import { SavedHead } from "./on-node/response-head.ts";
import { Visit } from "./on-node/visit.ts";

declare module "koa" {
  interface DefaultContext {
    readonly session: VisitorSession;
  }
}

/**
 * Middleware that opens the session before the next one runs, and stores it before the response leaves. With no store
 * given, sessions live in ./sessions.sqlite3. When the session cannot be read or stored, the middlewares before this one
 * can catch the error; else Koa answers it. Throws SettingsError for options that cannot work.
 */
export function session<const Name extends string>(options?: Options<Name> | Sessions): Middleware {
  const sessions = sessionsOnNode(options);
  return async (ctx, next) => {
    const failed = (error: unknown) => ctx.onerror(error as Error);
    const visit = new Visit(sessions, ctx.req, ctx.res, failed, {
      bearer: ctx,
      secure: ctx.secure,
      url: ctx.originalUrl,
    });
    const head = new SavedHead(ctx.res);
    if (!(await visit.begun())) {
      ctx.respond = false;
      return;
    }
    // An error thrown here is answered by a middleware further out, or by Koa; the status of that answer decides the commit.
    await next();
    if (ctx.respond === false || ctx.headerSent) return;
    try {
      await visit.commitAhead(ctx.status);
    } catch (error) {
      head.putBack();
      ctx.body = undefined;
      ctx.status = (error as { status?: number }).status ?? 500;
      throw error;
    }
  };
}
