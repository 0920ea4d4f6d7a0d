import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import type { Session } from "coatcheck";
import { session } from "coatcheck/koa";
import Koa from "koa";
import { type Adapter, running, type Site } from "./adapter.ts";

function onKoa(name: string, Application: typeof Koa): Adapter {
  return {
    name,
    answersErrors: true,
    hints: true,
    holds: true,
    async start({ sessions, handler, tls, trustProxy = false }: Site) {
      const app = new Application<{ sessions: Session[] }>();
      app.silent = true;
      app.proxy = trustProxy;
      for (const one of sessions) {
        app.use(session(one));
        app.use((ctx, next) => {
          ctx.state.sessions = [...(ctx.state.sessions ?? []), ctx.session];
          return next();
        });
      }
      app.use(async (ctx) => {
        const page = await handler({
          session: ctx.session,
          sessions: ctx.state.sessions,
          path: ctx.path,
          hint: (link) => ctx.res.writeEarlyHints({ link }),
          takeOver() {
            ctx.respond = false;
            return { request: ctx.req, response: ctx.res };
          },
        });
        if (page === "answered") return;
        const { status = 200, headers = {}, body } = page;
        ctx.status = status;
        ctx.set(headers);
        ctx.body = typeof body === "object" ? Readable.from(body) : (body ?? null);
        ctx.status = status;
      });
      return running(tls ? createTlsServer(tls, app.callback()) : createServer(app.callback()));
    },
  };
}

// Koa 2 has types in another package, and they are the same.
const Koa2: typeof Koa = createRequire(import.meta.url)("koa2");

export const adapters = [onKoa("Koa 3", Koa), onKoa("Koa 2", Koa2)];
