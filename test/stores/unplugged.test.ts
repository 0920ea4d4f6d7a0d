/** A visitor's requests while the store's server goes away in the middle of one, and after it has come back. */
import { storeFromUrl, type UrlStore } from "coatcheck/store-url";
import { describe, expect, onTestFinished, test } from "vitest";
import { deadlinesPass, STORE_TIMEOUT } from "../instruments/deadline.ts";
import { settle } from "../instruments/loopback.ts";
import { plainServer } from "../races/plain-server.ts";
import { jar } from "../races/race.ts";
import { mariadb } from "../servers/mariadb.ts";
import { memcached } from "../servers/memcached.ts";
import { postgres } from "../servers/postgres.ts";
import { redis } from "../servers/redis.ts";
import type { Server } from "../servers/server.ts";
import { describeWithServer } from "../servers/suite.ts";

const unavailable = { status: 503, setCookie: null, error: "StoreUnavailableError" };

async function start(server: Server) {
  const store: UrlStore = storeFromUrl(server.url);
  onTestFinished(() => store.close());
  await store.createTable?.();
  const site = await plainServer({ store, storeTimeout: STORE_TIMEOUT });
  const count = (cookie: string | null) =>
    site.send(cookie, async (session) => {
      session.update("n", (n = 0) => n + 1);
    }).answer;
  const cookie = jar(null, [await count(null)]);
  return { site, count, cookie };
}

/** The answer to a request whose call of the store is under way now, and has its time pass. */
async function whenTooLate<T>(answer: Promise<T>): Promise<T> {
  await settle();
  deadlinesPass();
  return answer;
}

/** A client may need a moment to notice that its server is back: the visitor tries again, and the site is not restarted. */
async function untilAnswered(visit: () => Promise<{ status: number }>) {
  for (let attempt = 0; attempt < 20; attempt++) if ((await visit()).status === 200) return;
  throw new Error("The site did not recover.");
}

for (const kind of [postgres, mariadb, redis, memcached]) {
  describeWithServer(kind, (server) => {
    describe("unplugged in the middle of a request", () => {
      test("a server that hangs: the deadline is kept, the cookie untouched, and all goes on when it wakes", async () => {
        const { count, cookie } = await start(server());
        await server().pause();
        try {
          // Without a deadline the test would never end.
          expect(await whenTooLate(count(cookie))).toEqual(unavailable);
        } finally {
          await server().resume();
        }
        await untilAnswered(() => count(cookie));
      });

      test("a server that hangs between read and write: an error and never a silent success", async () => {
        const { site, count, cookie } = await start(server());
        const { handled, answer } = site.send(cookie, async (session) => {
          session.set("late", 1);
          await server().pause();
        });
        await handled;
        try {
          expect(await whenTooLate(answer)).toEqual(unavailable);
        } finally {
          await server().resume();
        }
        await untilAnswered(() => count(cookie));
      });

      test("a server that was killed: 503 until it is back, and no restart of the site", async () => {
        const { count, cookie } = await start(server());
        await server().kill();
        expect(await whenTooLate(count(cookie))).toEqual(unavailable);
        await server().restart();
        await untilAnswered(() => count(cookie));
      });
    });
  });
}
