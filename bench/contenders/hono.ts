import type { Server } from "node:http";
import { setImmediate } from "node:timers/promises";
import { serve as listen } from "@hono/node-server";
import type { Context, Env, Handler } from "hono";
import { Hono } from "hono";
import { NAME } from "../visitor.ts";
import type { Open, Routes } from "./contender.ts";

/** A Hono with these routes, in an application that has its middleware. */
export function serve<E extends Env>(routes: Routes<Handler<E>>, app: Hono<E>): Promise<Server> {
  for (const [name, handler] of Object.entries(routes)) app.get(`/${name}`, handler);
  return new Promise((resolve) => {
    const server = listen({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, () =>
      resolve(server as Server),
    );
  });
}

export const bytesOf = (c: Context) => Number(c.req.query("bytes"));

const routes: Routes<Handler> = { none: (c) => c.text(NAME) };

export const bare: Open = () => serve(routes, new Hono());

/** Hono with a middleware that only waits for the end of the loop's turn. */
export const later: Open = () =>
  serve(
    routes,
    new Hono().use(async (_c, next) => {
      await setImmediate();
      await next();
    }),
  );
