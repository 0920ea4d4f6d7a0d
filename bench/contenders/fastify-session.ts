import cookie from "@fastify/cookie";
import session from "@fastify/session";
import type { RouteHandlerMethod } from "fastify";
import { NAME, type Visitor, visitor } from "../visitor.ts";
import { type Open, type Routes, SECRET } from "./contender.ts";
import { bytesOf, serve } from "./fastify.ts";

/** Cast, because to TypeScript the `session` of Fastify's requests is coatcheck's here. */
const sessionOf = (request: object) => (request as { session: Partial<Visitor> }).session;

const routes: Routes<RouteHandlerMethod> = {
  none: (_request, reply) => reply.send(NAME),
  read: (request, reply) => reply.send(sessionOf(request).name),
  write: (request, reply) => {
    const session = sessionOf(request);
    session.visits = (session.visits ?? 0) + 1;
    return reply.send(`${session.visits}`);
  },
  fill: (request, reply) => {
    Object.assign(sessionOf(request), visitor(bytesOf(request)));
    return reply.send("filled");
  },
};

/** On its memory store. With its defaults, `rolling` and `saveUninitialized`, each request would write to the store. */
const options = { secret: SECRET, rolling: false, saveUninitialized: false, cookie: { secure: false } };

export const fastifySession: Open = () =>
  serve(routes, (app) => {
    app.register(cookie);
    app.register(session, options);
  });
