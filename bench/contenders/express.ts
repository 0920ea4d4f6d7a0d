import express, { type RequestHandler } from "express";
import { NAME } from "../visitor.ts";
import { listen, type Open, type Routes } from "./contender.ts";

/** An Express 5 with these routes behind this middleware. */
export function serve(routes: Routes<RequestHandler>, middleware?: RequestHandler) {
  const app = express();
  if (middleware) app.use(middleware);
  for (const [name, handler] of Object.entries(routes)) app.get(`/${name}`, handler);
  return listen(app);
}

/** The limit: nobody who answers by Express is faster. */
export const bare: Open = () =>
  serve({
    none: (_request, response) => {
      response.send(NAME);
    },
  });
