import type { Context } from "koa";
import session from "koa-session";
import { NAME, type Visitor, visitor } from "../visitor.ts";
import { type Open, type Routes, SECRET } from "./contender.ts";
import { bytesOf, serve } from "./koa.ts";

/** Cast, because to TypeScript the `session` of Koa's contexts is coatcheck's here. */
const sessionOf = (ctx: object) => (ctx as { session: Partial<Visitor> }).session;

const routes: Routes<(ctx: Context) => void> = {
  none: (ctx) => {
    ctx.body = NAME;
  },
  read: (ctx) => {
    ctx.body = sessionOf(ctx).name;
  },
  write: (ctx) => {
    const session = sessionOf(ctx);
    session.visits = (session.visits ?? 0) + 1;
    ctx.body = `${session.visits}`;
  },
  fill: (ctx) => {
    Object.assign(sessionOf(ctx), visitor(bytesOf(ctx)));
    ctx.body = "filled";
  },
};

/** In memory, by the smallest store that fits its readme: its own default is a signed cookie, which the visitor can read. */
export const koaSession: Open = () =>
  serve(routes, (app) => {
    app.keys = [SECRET];
    const kept = new Map<string, object>();
    const store = {
      get: async (key: string) => kept.get(key),
      set: async (key: string, value: object) => void kept.set(key, value),
      destroy: async (key: string) => void kept.delete(key),
    };
    return session({ store }, app);
  });
