import type { Adapter } from "./adapter.ts";
import { adapters as express } from "./express.ts";
import { adapters as fastify } from "./fastify.ts";
import { adapters as fetch } from "./fetch.ts";
import { adapters as hono } from "./hono.ts";
import { adapters as koa } from "./koa.ts";
import { adapters as nodeHttp } from "./node-http.ts";

export const everyAdapter: readonly Adapter[] = [
  ...express,
  ...nodeHttp,
  ...fastify,
  ...koa,
  ...hono,
  ...fetch,
];
