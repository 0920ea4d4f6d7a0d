import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { memoryStore } from "coatcheck";
import { encryptedCookieStore } from "coatcheck/cookies";
import { sqliteStore } from "coatcheck/sqlite";
import { application } from "./application.ts";
import { secrets } from "./secrets.ts";

const fetch = application({
  memory: memoryStore(),
  cookies: encryptedCookieStore({ secrets }),
  sqlite: sqliteStore("site.sqlite3"),
});
serve({ fetch, port: 0, hostname: "127.0.0.1" }, ({ port }: AddressInfo) =>
  console.log(JSON.stringify({ event: "listen", port })),
);
