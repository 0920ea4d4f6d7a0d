import type { Store } from "coatcheck";
import { session } from "coatcheck/fastify";
import type { RouteHandlerMethod } from "fastify";
import { NAME, visitor } from "../visitor.ts";
import * as stores from "./coatcheck-stores.ts";
import type { Open, Routes } from "./contender.ts";
import { bytesOf, serve } from "./fastify.ts";

const routes: Routes<RouteHandlerMethod> = {
  none: (_request, reply) => reply.send(NAME),
  read: ({ session }, reply) => reply.send(session.get("name")),
  write: ({ session }, reply) => reply.send(`${session.update("visits", (visits = 0) => visits + 1)}`),
  fill: (request, reply) => {
    request.session.assign(visitor(bytesOf(request)));
    return reply.send("filled");
  },
};

const on =
  (store: () => Store): Open =>
  () =>
    serve(routes, (app) => {
      app.register(session, { store: store() });
    });

export const memory = on(stores.memory);
export const cookie = on(stores.cookie);
