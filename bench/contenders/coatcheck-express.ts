import type { Options } from "coatcheck";
import { session } from "coatcheck/express";
import type { RequestHandler } from "express";
import { NAME, visitor } from "../visitor.ts";
import * as stores from "./coatcheck-stores.ts";
import type { Open, Place, Routes } from "./contender.ts";
import { serve } from "./express.ts";

const routes: Routes<RequestHandler> = {
  none: (_request, response) => {
    response.send(NAME);
  },
  read: ({ session }, response) => {
    response.send(session.get("name"));
  },
  write: ({ session }, response) => {
    response.send(`${session.update("visits", (visits = 0) => visits + 1)}`);
  },
  fill: ({ session, query }, response) => {
    session.assign(visitor(Number(query.bytes)));
    response.send("filled");
  },
  login: ({ session }, response) => {
    session.login(7);
    response.send("in");
  },
  logout: ({ session }, response) => {
    session.logout();
    response.send("out");
  },
};

/** `fill` loads first: a lazy session cannot be changed before it is loaded. */
const lazyRoutes: Routes<RequestHandler> = {
  none: routes.none as RequestHandler,
  fill: async (request, response, next) => {
    await request.session.load();
    return routes.fill?.(request, response, next);
  },
  logout: routes.logout as RequestHandler,
};

type OpenStore = (place: Place) => NonNullable<Options["store"]> | Promise<NonNullable<Options["store"]>>;

export const on =
  (open: OpenStore, lazy = false): Open =>
  async (place) =>
    serve(lazy ? lazyRoutes : routes, session({ store: await open(place), lazy }));

export const memory = on(stores.memory);
export const lazyMemory = on(stores.memory, true);
export const sqlite = on(stores.sqlite);
export const redis = on(stores.redis);
export const lazyRedis = on(stores.redis, true);
export const postgres = on(stores.postgres);
export const lazyPostgres = on(stores.postgres, true);
export const cookie = on(stores.cookie);
