import express, { type RequestHandler } from "express";
import { NAME } from "../visitor.ts";
import { listen, type Open, type Routes } from "./contender.ts";

/** An Express 5 with these routes behind this middleware. Without ETag and X-Powered-By, which cost as much as some sessions. */
export function serve(routes: Routes<RequestHandler>, middleware?: RequestHandler) {
  const app = express();
  app.disable("etag");
  app.disable("x-powered-by");
  if (middleware) app.use(middleware);
  for (const [name, handler] of Object.entries(routes)) app.get(`/${name}`, handler);
  return listen(app);
}

const routes: Routes<RequestHandler> = {
  none: (_request, response) => {
    response.send(NAME);
  },
};

export const bare: Open = () => serve(routes);

/** Express with a middleware that only waits for the end of the loop's turn, as coatcheck does: shows what that alone saves. */
export const later: Open = () => serve(routes, (_request, _response, next) => setImmediate(next));
