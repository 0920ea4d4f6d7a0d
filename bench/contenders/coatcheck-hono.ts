import { type SessionEnv, session } from "coatcheck/hono";
import { type Handler, Hono } from "hono";
import { NAME, visitor } from "../visitor.ts";
import * as stores from "./coatcheck-stores.ts";
import type { Open, Routes } from "./contender.ts";
import { bytesOf, serve } from "./hono.ts";

const routes: Routes<Handler<SessionEnv>> = {
  none: (c) => c.text(NAME),
  read: (c) => c.text(c.var.session.get("name")),
  write: (c) => c.text(`${c.var.session.update("visits", (visits = 0) => visits + 1)}`),
  fill: (c) => {
    c.var.session.assign(visitor(bytesOf(c)));
    return c.text("filled");
  },
};

export const memory: Open = () => {
  const app = new Hono<SessionEnv>();
  app.use(session({ store: stores.memory() }));
  return serve(routes, app);
};
