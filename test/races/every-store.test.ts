/** The races over every store that can compare and set, and two server processes on each; SQLite and memory: races.test.ts. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { memoryStore } from "coatcheck";
import { cachedStore } from "coatcheck/cached";
import { encryptedStore } from "coatcheck/encrypted";
import { fileStore } from "coatcheck/file";
import { libsqlStore } from "coatcheck/libsql";
import { storeFromUrl, type UrlStore } from "coatcheck/store-url";
import { beforeAll } from "vitest";
import { mariadb } from "../servers/mariadb.ts";
import { memcached } from "../servers/memcached.ts";
import { postgres } from "../servers/postgres.ts";
import { redis } from "../servers/redis.ts";
import { describeWithServer } from "../servers/suite.ts";
import { countInTwoProcesses } from "./counting-processes.ts";
import { limitInTwoProcesses } from "./limiting-processes.ts";
import { plainServer } from "./plain-server.ts";
import type { AtEnd } from "./race.ts";
import { raceTests } from "./race-tests.ts";
import { refreshInTwoProcesses } from "./refreshing-processes.ts";

for (const kind of [postgres, mariadb, redis, memcached]) {
  describeWithServer(kind, (server) => {
    beforeAll(async () => {
      const store: UrlStore = storeFromUrl(server().url);
      await store.createTable?.();
      await store.close();
    });
    raceTests(kind.name, plainServer, () => storeFromUrl(server().url), { hasUsers: kind !== memcached });
    countInTwoProcesses(async () => server().url);
    refreshInTwoProcesses(async () => server().url);
    if (kind !== memcached) limitInTwoProcesses(async () => server().url);
  });
}

async function newFolder(atEnd: AtEnd) {
  const folder = await mkdtemp(join(tmpdir(), "coatcheck-races-"));
  atEnd(() => rm(folder, { recursive: true }));
  return folder;
}

raceTests("fileStore", plainServer, async (atEnd) => fileStore(await newFolder(atEnd)));

raceTests("libsqlStore", plainServer, async (atEnd) => {
  const client = createClient({ url: `file:${join(await newFolder(atEnd), "site.db")}` });
  atEnd(() => client.close());
  const store = libsqlStore({ client });
  await store.createTable();
  return store;
});

raceTests("cachedStore", plainServer, () => cachedStore({ cache: memoryStore(), store: memoryStore() }));

raceTests("encryptedStore", plainServer, () =>
  encryptedStore({ store: memoryStore(), secrets: ["a secret of at least thirty-two characters"] }),
);
