import { memoryStore } from "coatcheck";
import { encryptedCookieStore } from "coatcheck/cookies";
import { sqliteStore } from "coatcheck/sqlite";
import { application } from "./application.ts";
import { secrets } from "./secrets.ts";

declare const Deno: {
  serve(
    options: { port: number; hostname: string; onListen(address: { port: number }): void },
    handler: (request: Request) => Response | Promise<Response>,
  ): unknown;
};

const onListen = ({ port }: { port: number }) => console.log(JSON.stringify({ event: "listen", port }));

Deno.serve(
  { port: 0, hostname: "127.0.0.1", onListen },
  application({
    memory: memoryStore(),
    cookies: encryptedCookieStore({ secrets }),
    sqlite: sqliteStore("site.sqlite3"),
  }),
);
