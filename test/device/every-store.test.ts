/** Device-bound sessions over every store that can bind them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { memoryStore } from "coatcheck";
import { cachedStore } from "coatcheck/cached";
import { encryptedStore } from "coatcheck/encrypted";
import { fileStore } from "coatcheck/file";
import { libsqlStore } from "coatcheck/libsql";
import { sqliteStore } from "coatcheck/sqlite";
import { storeFromUrl, type UrlStore } from "coatcheck/store-url";
import { beforeAll, describe, onTestFinished } from "vitest";
import { adapters } from "../frameworks/adapters/node-http.ts";
import { mariadb } from "../servers/mariadb.ts";
import { memcached } from "../servers/memcached.ts";
import { postgres } from "../servers/postgres.ts";
import { redis } from "../servers/redis.ts";
import { describeWithServer } from "../servers/suite.ts";
import { life } from "./scenarios/life.ts";
import { races } from "./scenarios/races.ts";
import { type MakeStore, starter } from "./site.ts";

const [nodeHttp] = adapters as [(typeof adapters)[number]];

function scenarios(makeStore: MakeStore): void {
  const start = starter(nodeHttp, makeStore);
  describe("life", () => life(start));
  describe("races", () => races(start));
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "coatcheck-device-"));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

for (const kind of [postgres, mariadb, redis, memcached]) {
  describeWithServer(kind, (server) => {
    beforeAll(async () => {
      const store: UrlStore = storeFromUrl(server().url);
      await store.createTable?.();
      await store.close();
    });
    scenarios(() => storeFromUrl(server().url));
  });
}

const secrets = ["a secret of at least thirty-two characters"];
const stores: Record<string, MakeStore> = {
  sqliteStore: async () => sqliteStore(join(await folder(), "sessions.sqlite3")),
  fileStore: async () => fileStore(await folder()),
  async libsqlStore() {
    const client = createClient({ url: `file:${join(await folder(), "sessions.db")}` });
    onTestFinished(() => client.close());
    const store = libsqlStore({ client });
    await store.createTable();
    return store;
  },
  cachedStore: () => cachedStore({ cache: memoryStore(), store: memoryStore() }),
  encryptedStore: () => encryptedStore({ store: memoryStore(), secrets }),
};
for (const [name, makeStore] of Object.entries(stores)) describe(name, () => scenarios(makeStore));
