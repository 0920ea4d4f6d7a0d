import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, type Config, createClient } from "@libsql/client";
import type { StoredRecord, StoreId } from "coatcheck";
import { type LibsqlClient, type LibsqlStore, libsqlStore } from "coatcheck/libsql";
import { sqliteStore } from "coatcheck/sqlite";
import { testStore } from "coatcheck/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startLibsqlServer } from "../instruments/libsql-server.ts";
import { call, newId, record } from "./suites/sql.ts";

const newFolder = () => mkdtempSync(join(tmpdir(), "coatcheck-libsql-"));

/** Two clients of one file. */
function clientsIn(folder: string, options: Partial<Config> = {}): [Client, Client] {
  const url = `file:${join(folder, "site.db")}`;
  return [createClient({ url, ...options }), createClient({ url, ...options })];
}

for (const intMode of ["number", "bigint"] as const) {
  testStore(
    `libsql, a local file whose integers are read as ${intMode}`,
    async () => {
      const folder = newFolder();
      const [client, other] = clientsIn(folder, { intMode, concurrency: 1 });
      // Without waiting for the disk the test takes half of the time.
      for (const one of [client, other]) await one.execute("PRAGMA synchronous = OFF");
      const store = libsqlStore({ client });
      await store.createTable();
      return {
        store,
        elsewhere: libsqlStore({ client: other }),
        async peek(id) {
          const sql =
            "SELECT concat_ws(' ', data, user_id, moved_to) AS all_text FROM coatcheck_sessions WHERE id = ?";
          return String((await client.execute({ sql, args: [id] })).rows[0]?.all_text ?? "");
        },
        dispose() {
          client.close();
          other.close();
          rmSync(folder, { recursive: true });
        },
      };
    },
    { describe, it },
  );
}

testStore(
  "libsql, over http",
  async () => {
    const folder = newFolder();
    const server = await startLibsqlServer(join(folder, "site.db"));
    const [client, other] = [createClient({ url: server.url }), createClient({ url: server.url })];
    const store = libsqlStore({ client });
    await store.createTable();
    return {
      store,
      elsewhere: libsqlStore({ client: other }),
      async peek(id) {
        const sql =
          "SELECT concat_ws(' ', data, user_id, moved_to) AS found FROM coatcheck_sessions WHERE id = ?";
        return String((await client.execute({ sql, args: [id] })).rows[0]?.found ?? "");
      },
      async dispose() {
        client.close();
        other.close();
        await server.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
  { describe, it },
);

describe("libsqlStore", () => {
  let folder = "";
  let client: Client;
  let other: Client;
  let store: LibsqlStore;

  beforeEach(async () => {
    folder = newFolder();
    [client, other] = clientsIn(folder);
    store = libsqlStore({ client });
    await store.createTable();
  });
  afterEach(() => {
    client.close();
    other.close();
    rmSync(folder, { recursive: true });
  });

  async function keep(changes: Partial<StoredRecord> = {}, at: Pick<LibsqlStore, "create"> = store) {
    const [id, kept] = [newId(), record(changes)];
    expect(await at.create(id, kept, call())).toBe(true);
    return { id, kept };
  }

  /** A client that notes each call, and can be told what to do in its place. */
  function observed(instead: (sqls: string[]) => Error | undefined = () => undefined) {
    const calls: string[][] = [];
    async function noted<T>(sqls: string[], go: () => Promise<T>): Promise<T> {
      calls.push(sqls);
      const error = instead(sqls);
      if (error) throw error;
      return await go();
    }
    const observer: LibsqlClient = {
      execute: (statement) => noted([statement.sql], () => client.execute(statement)),
      batch: (statements, mode) =>
        noted(
          statements.map(({ sql }) => sql),
          () => client.batch(statements, mode),
        ),
    };
    return { calls, client: observer };
  }

  it("takes a client of @libsql/client and a name that needs no care, and nothing else", () => {
    for (const wrong of [undefined, null, {}, "file:site.db"]) {
      expect(() => libsqlStore({ client: wrong as never })).toThrow(
        "The option client takes a client of @libsql/client",
      );
    }
    for (const table of ["", "a b", 'a"b', "a.b", "1a", "sqlite_a", "x".repeat(64)]) {
      expect(() => libsqlStore({ client, table }), table).toThrow(/The option table takes a name/);
    }
  });

  it("needs its table, which nothing but createTable creates, and check says how", async () => {
    const fresh = libsqlStore({ client, table: "fresh" });
    await expect(fresh.create(newId(), record(), call())).rejects.toThrow(/no such table/);
    await expect(fresh.check(call())).rejects.toThrow(
      "There is no table fresh. Create it once: await store.createTable().",
    );
    await Promise.all(
      [client, other, client, other].map((one) => libsqlStore({ client: one, table: "fresh" }).createTable()),
    );
    await fresh.check(call());
    await keep({}, fresh);
  });

  it("has the table of sqliteStore", async () => {
    const { id, kept } = await keep({ userId: "ann" });
    const same = sqliteStore(join(folder, "site.db"));
    await same.check(call());
    expect(await same.read(id, call())).toEqual(kept);
    await same.close();
  });

  it.each(["libsql", "d1"])("is the one that docs/stores/%s.md shows", async (page) => {
    const [, sql = ""] =
      /```sql\n(CREATE TABLE.*?)```/s.exec(readFileSync(`docs/stores/${page}.md`, "utf8")) ?? [];
    await client.executeMultiple(sql.replaceAll("coatcheck_sessions", "shown"));
    const { calls, client: watched } = observed();
    const shown = libsqlStore({ client: watched, table: "shown" });
    await shown.createTable();
    expect(calls, "createTable finds nothing to do").toHaveLength(1);
    await keep({}, shown);
  });

  it("brings a table of an older release up to date, and leaves one of a newer release alone", async () => {
    const { id, kept } = await keep();
    await client.batch(
      [
        "ALTER TABLE coatcheck_sessions DROP COLUMN moved_to",
        "DROP INDEX coatcheck_sessions_user_id",
        "DROP VIEW coatcheck_sessions_schema",
      ],
      "write",
    );
    await expect(store.check(call())).rejects.toThrow(/is of an older release: it has no moved_to/);
    await Promise.all([store.createTable(), libsqlStore({ client: other }).createTable()]);
    await store.check(call());
    expect(await store.rotate(id, newId(), record(), kept.version, call())).toBe("saved");

    await client.batch(
      [
        "DROP VIEW coatcheck_sessions_schema",
        "CREATE VIEW coatcheck_sessions_schema AS SELECT 'coatcheck sessions, schema 99' AS version",
      ],
      "write",
    );
    const { calls, client: watched } = observed();
    await libsqlStore({ client: watched }).createTable();
    expect(calls).toHaveLength(1);
  });

  it("refuses a table that cannot hold sessions, and leaves it as it was", async () => {
    await client.execute("CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT)");
    const books = libsqlStore({ client, table: "books" });
    for (const refused of [books.check(call()), books.createTable()]) {
      await expect(refused).rejects.toThrow(
        /The table books cannot hold sessions: it has not the columns that libsqlStore/,
      );
    }
    expect((await client.execute("SELECT * FROM pragma_table_xinfo('books')")).rows).toHaveLength(2);
  });

  it("takes one round trip for each verb, whatever the outcome", async () => {
    const { id, kept } = await keep({ userId: "ann" });
    const { calls, client: watched } = observed();
    const counted = libsqlStore({ client: watched });
    const verbs: (() => Promise<unknown>)[] = [
      () => counted.read(id, call()),
      () => counted.create(newId(), record(), call()),
      () => counted.update(id, record(), kept.version + 1, call()),
      () => counted.touch(id, kept.expiresAt + 1, kept.version, call()),
      () => counted.touch(newId(), kept.expiresAt + 1, kept.version, call()),
      () => counted.rotate(id, newId(), record(), kept.version, call()),
      () => counted.delete(id, call()),
      () => counted.delete(newId(), call()),
      () => counted.clearExpired({ ...call(), signal: call().signal, limit: 10 }),
      () => counted.listUser("ann", call()),
      () => counted.stats(call()),
    ];
    for (const verb of verbs) {
      calls.length = 0;
      await verb();
      expect(calls, String(verb)).toHaveLength(1);
    }
  });

  it("takes one request for each verb over http", async () => {
    const server = await startLibsqlServer(join(folder, "site.db"));
    const remote = createClient({ url: server.url });
    const there = libsqlStore({ client: remote });
    const { id, kept } = await keep({ userId: "ann" });
    expect(await there.read(id, call())).toEqual(kept);
    expect(await there.update(id, record(), kept.version + 1, call())).toBe("conflict");
    expect(await there.rotate(id, newId(), record(), kept.version, call())).toBe("saved");
    expect(await there.delete(newId(), call())).toBeUndefined();
    expect(server.requests).toBe(4);
    remote.close();
    await server.close();
  });

  it("sends the reads of one turn together, and its writes", async () => {
    const sessions = await Promise.all([1, 2, 3].map(() => keep()));
    const { calls, client: watched } = observed();
    const counted = libsqlStore({ client: watched });
    const [read, written] = await Promise.all([
      Promise.all(sessions.map(({ id }) => counted.read(id, call()))),
      Promise.all(
        sessions.map(({ id, kept }, n) =>
          counted.update(id, record(), kept.version + (n === 1 ? 1 : 0), call()),
        ),
      ),
    ]);
    expect(read.map((one) => (one as StoredRecord).expiresAt)).toEqual(
      sessions.map(({ kept }) => kept.expiresAt),
    );
    expect(written).toEqual(["saved", "conflict", "saved"]);
    expect(calls).toHaveLength(2);
  });

  it("lets a write that the database refuses fail alone, and repeats none whose answer was lost", async () => {
    const isBad = (sqls: string[]) => sqls.some((sql) => sql.trimStart().startsWith("DELETE"));
    const refused = observed((sqls) =>
      isBad(sqls) ? Object.assign(new Error("refused"), { code: "SQLITE_FULL" }) : undefined,
    );
    const outcomes = (at: LibsqlStore) =>
      Promise.allSettled([at.create(newId(), record(), call()), at.delete(newId(), call())]);
    expect(await outcomes(libsqlStore({ client: refused.client }))).toMatchObject([
      { status: "fulfilled", value: true },
      { status: "rejected", reason: { message: "refused" } },
    ]);

    const lost = observed(() => Object.assign(new Error("fetch failed"), { code: "HRANA_WEBSOCKET_ERROR" }));
    expect(await outcomes(libsqlStore({ client: lost.client }))).toMatchObject([
      { status: "rejected" },
      { status: "rejected" },
    ]);
    expect(lost.calls).toHaveLength(1);
  });

  it("waits while the database is locked, and gives up when its signal aborts", async () => {
    const { id, kept } = await keep();
    const locked = Object.assign(new Error("database is locked"), { code: "SQLITE_BUSY" });
    let tries = 0;
    const { client: watched } = observed(() => (++tries < 4 ? locked : undefined));
    const waiting = libsqlStore({ client: watched });
    expect(await waiting.update(id, record({ data: "2" }), kept.version, call())).toBe("saved");
    expect([tries, await store.read(id, call())]).toMatchObject([4, { data: "2" }]);

    const never = libsqlStore({ client: observed(() => locked).client });
    await expect(never.delete(id, call(50))).rejects.toThrow(
      expect.objectContaining({ message: expect.stringContaining("stayed locked"), cause: locked }),
    );
  });

  it("does not rotate to an id that is taken, and changes nothing then", async () => {
    const [one, two] = [await keep(), await keep()];
    await expect(store.rotate(one.id, two.id, record(), one.kept.version, call())).rejects.toThrow(
      /an id that is taken/,
    );
    expect(await store.read(one.id, call())).toEqual(one.kept);
    expect(await store.read(two.id, call())).toEqual(two.kept);
  });

  it("lists and counts more sessions than one step reads", async () => {
    const rows = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 6000)";
    await client.execute(
      `INSERT INTO coatcheck_sessions ${rows} SELECT printf('%064x', n), '{}', n, 'ann', n, n, 9e12, NULL, 1, NULL FROM n`,
    );
    const ids = (await store.listUser("ann", call())) as StoreId[];
    expect(new Set(ids).size).toBe(6000);
    let steps = 0;
    expect(await store.stats({ ...call(), signal: call().signal, onStep: () => steps++ })).toEqual({
      live: 6000,
      expired: 0,
      authenticated: 6000,
      oldest: 1,
      bytes: 12_000,
    });
    expect(steps).toBe(1);
  });
});
