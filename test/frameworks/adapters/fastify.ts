import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import type { Session } from "coatcheck";
import { session } from "coatcheck/fastify";
import Fastify, { type FastifyInstance } from "fastify";
import type { Adapter, Site } from "./adapter.ts";

const fastify: Adapter = {
  name: "Fastify",
  answersErrors: true,
  hints: true,
  holds: true,
  async start({ sessions, handler, tls, trustProxy = false }: Site) {
    const app: FastifyInstance = Fastify({
      trustProxy,
      forceCloseConnections: "idle",
      ...(tls ? { https: tls } : {}),
    });
    const opened = new WeakMap<object, Session[]>();

    /** Each session() in a context of its own, within that of the one before. */
    async function within(context: FastifyInstance, [first, ...rest]: Site["sessions"]): Promise<void> {
      if (first !== undefined) {
        context.register(session, first);
        context.register(async (inner) => {
          inner.addHook("onRequest", async (request) => {
            opened.set(request, [...(opened.get(request) ?? []), request.session]);
          });
          await within(inner, rest);
        });
        return;
      }
      context.all("*", async (request, reply) => {
        const visit = {
          session: request.session,
          sessions: opened.get(request) as Session[],
          path: request.url,
          hint: (link: string) => void reply.writeEarlyHints({ link }),
          takeOver() {
            reply.hijack();
            return { request: request.raw, response: reply.raw };
          },
        };
        const page = await handler(visit);
        if (page === "answered") return;
        const { status = 200, headers = {}, body } = page;
        reply.code(status).headers(headers);
        return reply.send(typeof body === "object" ? Readable.from(body) : body);
      });
    }

    await within(app, sessions);
    await app.listen({ port: 0, host: "127.0.0.1" });
    return {
      port: (app.server.address() as AddressInfo).port,
      async close() {
        const closed = app.close();
        app.server.closeAllConnections();
        await closed;
      },
      stop: () => app.close(),
    };
  },
};

export const adapters = [fastify];
