import { setImmediate } from "node:timers/promises";
import Koa, { type Context, type Middleware } from "koa";
import { NAME } from "../visitor.ts";
import { listen, type Open, type Routes } from "./contender.ts";

/** A Koa with these routes behind this middleware; Koa has no router of its own. */
export function serve(routes: Routes<(ctx: Context) => void>, makeMiddleware?: (app: Koa) => Middleware) {
  const app = new Koa();
  if (makeMiddleware) app.use(makeMiddleware(app));
  app.use((ctx) => routes[ctx.path.slice(1) as keyof typeof routes]?.(ctx));
  return listen(app.callback());
}

export const bytesOf = (ctx: Context) => Number(ctx.query.bytes);

const routes: Routes<(ctx: Context) => void> = {
  none: (ctx) => {
    ctx.body = NAME;
  },
};

export const bare: Open = () => serve(routes);

/** Koa with a middleware that only waits for the end of the loop's turn, as coatcheck's does. */
export const later: Open = () =>
  serve(routes, () => async (_ctx, next) => {
    await setImmediate();
    await next();
  });
