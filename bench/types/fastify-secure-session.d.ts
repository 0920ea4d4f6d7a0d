// What the bench uses of @fastify/secure-session.
import type { FastifyPluginCallback } from "fastify";

export interface Session<Data> {
  get<Key extends keyof Data>(key: Key): Data[Key] | undefined;
  set<Key extends keyof Data>(key: Key, value: Data[Key]): void;
}
declare const plugin: FastifyPluginCallback<{ key: Buffer; cookie: { path: string } }>;
export default plugin;
