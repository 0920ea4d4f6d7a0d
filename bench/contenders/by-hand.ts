import { createHash } from "node:crypto";
import type { RequestHandler } from "express";
import { createClient } from "redis";
import { NAME, type Visitor, visitor } from "../visitor.ts";
import type { Open, Routes } from "./contender.ts";
import { serve } from "./express.ts";

/**
 * Sessions in Redis with nothing but what every session needs: the cookie is hashed, the data are asked for and parsed, and a write
 * is answered before the response. No promise is kept. What this costs is the client's and Node's part of the others.
 */
export const redis: Open = async ({ redis: url }) => {
  // Without a timer for each command, as coatcheck has it. The types of node-redis know no undefined here.
  const commandOptions = { timeout: undefined } as object;
  const client = await createClient({ url, commandOptions }).connect();
  const idOf = (cookie = "") => createHash("sha256").update(cookie.slice("sessionid=".length)).digest("hex");
  const read = async (cookie: string | undefined) =>
    JSON.parse((await client.get(`by-hand:${idOf(cookie)}`)) as string) as Visitor;
  const write = (cookie: string | undefined, data: Visitor) =>
    client.set(`by-hand:${idOf(cookie)}`, JSON.stringify(data), { EX: 1_209_600 });

  const routes: Routes<RequestHandler> = {
    none: (_request, response) => {
      response.send(NAME);
    },
    read: async ({ headers }, response) => {
      const { name } = await read(headers.cookie);
      response.send(name);
    },
    write: async ({ headers }, response) => {
      const data = await read(headers.cookie);
      data.visits++;
      await write(headers.cookie, data);
      response.send(`${data.visits}`);
    },
    fill: async ({ query }, response) => {
      const cookie = `sessionid=${crypto.randomUUID().replaceAll("-", "")}`;
      await write(cookie, visitor(Number(query.bytes)));
      response.setHeader("Set-Cookie", `${cookie}; Path=/; HttpOnly`);
      response.send("filled");
    },
  };
  return serve(routes);
};
