import { memoryStore } from "coatcheck";
import { encryptedCookieStore } from "coatcheck/cookies";
import { type SqliteDatabase, sqliteStore } from "coatcheck/sqlite";
import { application } from "./application.ts";
import { secrets } from "./secrets.ts";

declare const Bun: {
  serve(options: { fetch(request: Request): Response | Promise<Response>; port: number; hostname: string }): {
    readonly port: number;
  };
};

const name = "bun:sqlite"; // By a name, for TypeScript knows no such module.
const { Database } = (await import(name)) as { Database: new (path: string) => SqliteDatabase };

const fetch = application({
  memory: memoryStore(),
  cookies: encryptedCookieStore({ secrets }),
  sqlite: sqliteStore("site.sqlite3"),
  "bun:sqlite": sqliteStore(new Database("own.sqlite3")),
});
const { port } = Bun.serve({ fetch, port: 0, hostname: "127.0.0.1" });
console.log(JSON.stringify({ event: "listen", port }));
