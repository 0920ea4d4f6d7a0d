// What the bench uses of @fastify/session.
import type { FastifyPluginCallback } from "fastify";

declare const plugin: FastifyPluginCallback<{
  secret: string;
  rolling: boolean;
  saveUninitialized: boolean;
  cookie: { secure: boolean };
}>;
export default plugin;
