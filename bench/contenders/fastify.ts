import fastify, { type FastifyInstance, type RouteHandlerMethod } from "fastify";
import { NAME } from "../visitor.ts";
import type { Open, Routes } from "./contender.ts";

/** A Fastify with these routes behind this plugin. */
export async function serve(routes: Routes<RouteHandlerMethod>, plug?: (app: FastifyInstance) => void) {
  const app = fastify();
  plug?.(app);
  for (const [name, handler] of Object.entries(routes)) app.get(`/${name}`, handler);
  await app.listen({ host: "127.0.0.1", port: 0 });
  return app.server;
}

export const bytesOf = (request: { query: unknown }) => Number((request.query as { bytes: string }).bytes);

const routes: Routes<RouteHandlerMethod> = { none: (_request, reply) => reply.send(NAME) };

export const bare: Open = () => serve(routes);

/** Fastify with a hook that only waits for the end of the loop's turn, as coatcheck's does. */
export const later: Open = () =>
  serve(routes, (app) => {
    app.addHook("onRequest", (_request, _reply, next) => void setImmediate(next));
  });
