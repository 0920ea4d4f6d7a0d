import { createServer as createTlsServer } from "node:https";
import { createAdaptorServer, type HttpBindings } from "@hono/node-server";
import { type Session, StoreUnavailableError } from "coatcheck";
import { type SessionEnv, session } from "coatcheck/hono";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { stream } from "hono/streaming";
import { type Adapter, type Handler, running, type Site } from "./adapter.ts";

type Env = { Variables: SessionEnv["Variables"] & { sessions: Session[] }; Bindings: HttpBindings };

/** Throws errors as Hono's HTTPException. */
function inHonosWords(error: unknown): never {
  const { message, status, headers } = error as Error & { status?: number; headers?: Record<string, string> };
  if (status === undefined || error instanceof StoreUnavailableError) throw error;
  throw new HTTPException(status as 401, { res: new Response(message, { status, headers: headers ?? {} }) });
}

async function answer(handler: Handler, ...[visit]: Parameters<Handler>) {
  try {
    return await handler(visit);
  } catch (error) {
    return inHonosWords(error);
  }
}

const hono: Adapter = {
  name: "Hono",
  answersErrors: true,
  hints: true,
  holds: false,
  async start({ sessions, handler, tls, trustProxy = false }: Site) {
    const app = new Hono<Env>();
    for (const one of sessions) {
      app.use(session(one, { trustProxy }));
      app.use((c, next) => {
        c.set("sessions", [...(c.var.sessions ?? []), c.var.session]);
        return next();
      });
    }
    app.all("*", async (c) => {
      const page = await answer(handler, {
        session: c.var.session,
        sessions: c.var.sessions,
        path: c.req.path,
        hint: (link) => c.env.outgoing.writeEarlyHints({ link }),
      });
      if (page === "answered") throw new Error("Beyond Node a handler cannot answer by itself.");
      c.status((page.status ?? 200) as 200);
      for (const [name, value] of Object.entries(page.headers ?? {})) c.header(name, value);
      const { body } = page;
      if (typeof body !== "object") return c.body((body ?? null) as null);
      return stream(c, async (writer) => {
        for await (const part of body) {
          if (writer.aborted) break;
          await writer.write(part);
        }
      });
    });
    const options = tls ? { createServer: createTlsServer, serverOptions: tls } : {};
    return running(createAdaptorServer({ fetch: app.fetch, ...options }));
  },
};

export const adapters = [hono];
