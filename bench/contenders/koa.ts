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

export const bare: Open = () =>
  serve({
    none: (ctx) => {
      ctx.body = NAME;
    },
  });
