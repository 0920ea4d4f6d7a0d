import type { Server } from "node:http";
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

export const bare: Open = () => serve({ none: (c) => c.text(NAME) }, new Hono());
