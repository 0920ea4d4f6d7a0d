import session, { type Session } from "@fastify/secure-session";
import type { RouteHandlerMethod } from "fastify";
import { NAME, type Visitor, visitor } from "../visitor.ts";
import { type Open, type Routes, SECRET } from "./contender.ts";
import { bytesOf, serve } from "./fastify.ts";

/** Cast, because to TypeScript the `session` of Fastify's requests is coatcheck's here. */
const sessionOf = (request: object) => (request as { session: Session<Visitor> }).session;

const routes: Routes<RouteHandlerMethod> = {
  none: (_request, reply) => reply.send(NAME),
  read: (request, reply) => reply.send(sessionOf(request).get("name")),
  write: (request, reply) => {
    const session = sessionOf(request);
    const visits = (session.get("visits") ?? 0) + 1;
    session.set("visits", visits);
    return reply.send(`${visits}`);
  },
  fill: (request, reply) => {
    const session = sessionOf(request);
    const { name, visits, basket } = visitor(bytesOf(request));
    session.set("name", name);
    session.set("visits", visits);
    session.set("basket", basket);
    return reply.send("filled");
  },
};

/** With a key, as its readme recommends. */
export const secureSession: Open = () =>
  serve(routes, (app) => {
    app.register(session, { key: Buffer.alloc(32, SECRET), cookie: { path: "/" } });
  });
