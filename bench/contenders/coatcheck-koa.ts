import { session } from "coatcheck/koa";
import type { Context } from "koa";
import { NAME, visitor } from "../visitor.ts";
import * as stores from "./coatcheck-stores.ts";
import type { Open, Routes } from "./contender.ts";
import { bytesOf, serve } from "./koa.ts";

const routes: Routes<(ctx: Context) => void> = {
  none: (ctx) => {
    ctx.body = NAME;
  },
  read: (ctx) => {
    ctx.body = ctx.session.get("name");
  },
  write: (ctx) => {
    ctx.body = `${ctx.session.update("visits", (visits = 0) => visits + 1)}`;
  },
  fill: (ctx) => {
    ctx.session.assign(visitor(bytesOf(ctx)));
    ctx.body = "filled";
  },
};

export const memory: Open = () => serve(routes, () => session({ store: stores.memory() }));
