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

export const bare: Open = () => serve({ none: (_request, reply) => reply.send(NAME) });
