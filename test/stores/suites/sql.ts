/** What PostgreSQL and MariaDB must both do beyond the contract: races of processes, clearing, and servers that fail. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { StoredRecord, StoreId } from "coatcheck";
import type { MysqlStore } from "coatcheck/mysql";
import type { PostgresStore } from "coatcheck/postgres";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { abortUnderWay } from "../../instruments/abort-under-way.ts";
import type { Server } from "../../servers/server.ts";

export type SqlStore = PostgresStore | MysqlStore;

/** A pool of its own, a store over it, and a way to look past the store. */
export interface Opened {
  store: SqlStore;
  /** Runs a statement on any connection of the pool. */
  sql(text: string): Promise<Record<string, unknown>[]>;
  /** Lends a connection, inside a transaction. */
  begin(): Promise<{ sql(text: string): Promise<unknown>; end(): Promise<void> }>;
  end(): Promise<unknown>;
}

export interface SqlKind {
  name: "postgres" | "mysql";
  /** Whether the tests started the server, so that it can be unplugged. */
  own: boolean;
  open(table: string, changes?: { port?: number; connections?: number }): Opened;
  /** An id as the database writes it. */
  literal(id: StoreId): string;
  /** The page that shows the table as SQL. */
  docs: string;
  /** Lets the table take user ids of twenty characters at most. */
  shortenUserIds(table: string): string;
  dropIndex(table: string, index: string): string;
  /** Selects the names of a table's indexes, as `name`. */
  indexesOf(table: string): string;
  /** Inserts sessions 1 to `count`: session n ends at n, and belongs to user n. Its data is 2 bytes. */
  fill(table: string, count: number): string;
  /** Selects the connections whose statement waits for a lock, as `pid`. */
  blocked(table: string): string;
  /** Ends a connection and what runs on it. */
  end(pid: number): string;
  /** Selects the mark of a table, as `mark`. */
  markOf(table: string): string;
  setMark(table: string, mark: string): string;
}

export const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  ) as StoreId;

export const call = (milliseconds = 10_000, now = Date.now()) => ({
  signal: AbortSignal.timeout(milliseconds),
  now,
});

export function record(changes: Partial<StoredRecord> = {}): StoredRecord {
  const [createdAt, expiresAt] = [Date.now(), Date.now() + 3_600_000];
  const version = Math.floor(Math.random() * 2 ** 53);
  return {
    data: "1",
    version,
    userId: null,
    createdAt,
    authenticatedAt: null,
    expiresAt,
    expiry: null,
    format: 1,
    ...changes,
  };
}

let tables = 0;
export const newTable = () => `sessions_${process.pid}_${++tables}`;

/** Empty tables to use again: to create one costs more than most tests. */
export function tablesOf(
  create: (table: string) => Promise<unknown>,
  empty: (table: string) => Promise<unknown>,
) {
  const free: string[] = [];
  return {
    async take() {
      const table = free.pop() ?? newTable();
      await create(table);
      return table;
    },
    async giveBack(table: string) {
      await empty(table);
      free.push(table);
    },
  };
}

export function describeSqlStore(kind: SqlKind, server: () => Server): void {
  const { name, own, open, literal } = kind;
  const opened: Opened[] = [];
  const opens = (...given: Parameters<typeof open>) => {
    const made = open(...given);
    opened.push(made);
    return made;
  };
  let table = "";
  let here: Opened;

  beforeEach(async () => {
    table = newTable();
    here = opens(table);
    await here.store.createTable();
  });
  afterEach(async () => {
    await here.sql(`DROP TABLE IF EXISTS ${table}`);
    for (const one of opened.splice(0)) await one.end();
  });

  async function untilOneIsBlocked(): Promise<void> {
    while ((await here.sql(kind.blocked(table))).length === 0);
  }

  async function keep(changes: Partial<StoredRecord> = {}) {
    const [id, kept] = [newId(), record(changes)];
    expect(await here.store.create(id, kept, call())).toBe(true);
    return { id, kept };
  }
  const dataOf = async (id: StoreId) => ((await here.store.read(id, call())) as StoredRecord | null)?.data;

  describe("the table", () => {
    it("is created once by servers that start at once, and found by those that start later", async () => {
      const fresh = newTable();
      const servers = Array.from({ length: 8 }, () => opens(fresh, { connections: 2 }));
      await Promise.all(servers.flatMap(({ store }) => [store.createTable(), store.createTable()]));
      await Promise.all(servers.map(({ store }) => store.createTable()));
      for (const { store } of servers) await store.check(call());
      await here.sql(`DROP TABLE ${fresh}`);
    });

    it("is created by nothing else, and check says how", async () => {
      const fresh = newTable();
      const { store } = opens(fresh);
      await expect(store.read(newId(), call())).rejects.toThrow();
      await expect(store.create(newId(), record(), call())).rejects.toThrow();
      await expect(store.check(call())).rejects.toThrow(
        `There is no table ${fresh}. Create it once: await store.createTable(), or npx coatcheck create-table.`,
      );
      expect(await here.store.read(newId(), call())).toBeNull();
    });

    it("is refused by check and createTable when it is another application's, and stays as it was", async () => {
      const fresh = newTable();
      await here.sql(`CREATE TABLE ${fresh} (id INTEGER, data TEXT)`);
      const { store } = opens(fresh);
      await expect(store.check(call())).rejects.toThrow(/cannot hold sessions.*there is no version/);
      await expect(store.createTable()).rejects.toThrow(/choose another name by the option table/);
      expect(await here.sql(kind.indexesOf(fresh))).toEqual([]);
      await here.sql(`DROP TABLE ${fresh}`);
    });

    it("is refused where it could not take a session: a further column, short user ids, no primary key", async () => {
      const refuses = async (why: RegExp) => {
        await expect(here.store.check(call())).rejects.toThrow(why);
        await expect(here.store.createTable()).rejects.toThrow(why);
      };
      await here.sql(`ALTER TABLE ${table} ADD COLUMN site VARCHAR(9) NOT NULL`);
      await refuses(/cannot hold sessions.*site must be filled in/);
      await here.sql(`ALTER TABLE ${table} ALTER COLUMN site SET DEFAULT 'here'`);
      await here.store.check(call());
      await here.store.createTable();
      await keep();

      await here.sql(kind.shortenUserIds(table));
      await refuses(/user_id is .*\(20\) and not/);
      await here.sql(`DROP TABLE ${table}`);
      await here.store.createTable();
      await here.sql(kind.dropIndex(table, "PRIMARY"));
      await refuses(/id is not its primary key/);
    });

    it("is the one that the documentation shows, and gets back the indexes and the mark that it lost", async () => {
      const look = async (of: string) => ({
        indexes: (await here.sql(kind.indexesOf(of))).map((row) => String(row.name).replace(of, "")).sort(),
        mark: (await here.sql(kind.markOf(of)))[0]?.mark,
      });
      const made = await look(table);
      expect(made.mark).toBe("coatcheck sessions, schema 1");
      expect(made.indexes).toHaveLength(3);

      const shown = newTable();
      const [, sql = ""] = /```sql\n(CREATE TABLE.*?)```/s.exec(readFileSync(kind.docs, "utf8")) ?? [];
      for (const statement of sql.replaceAll("coatcheck_sessions", shown).split(/;\n/)) {
        if (statement.trim() !== "") await here.sql(statement);
      }
      expect(await look(shown)).toEqual(made);
      const { store } = opens(shown);
      await store.check(call());

      const id = newId();
      await store.create(id, record(), call());
      await here.sql(kind.dropIndex(shown, `${shown}_expires_at`));
      await here.sql(kind.dropIndex(shown, `${shown}_user_id`));
      await here.sql(kind.setMark(shown, ""));
      await store.check(call());
      await Promise.all([1, 2, 3].map(() => opens(shown).store.createTable()));
      expect(await look(shown)).toEqual(made);
      expect(await store.read(id, call())).not.toBeNull();
      await here.sql(`DROP TABLE ${shown}`);
    });

    it("of an older release is brought up to date beside traffic: what waits for it never waits for long", async () => {
      const { id, kept } = await keep();
      await here.sql(`ALTER TABLE ${table} DROP COLUMN moved_to`);
      await expect(here.store.check(call())).rejects.toThrow(
        `The table ${table} is of an older release: it has no moved_to. Bring it up to date: await store.createTable(), or npx coatcheck create-table.`,
      );
      const reader = await here.begin();
      await reader.sql(`SELECT count(*) FROM ${table}`);
      const updated = Promise.all([1, 2, 3].map(() => opens(table).store.createTable()));
      // The reader's transaction is in the way all the while, and yet other statements get through.
      for (let n = 0; n < 5; n++) await here.sql(`UPDATE ${table} SET data = '${n}'`);
      await reader.end();
      await updated;
      await here.store.check(call());
      expect(await here.store.read(id, call())).toEqual({ ...kept, data: "4" });
      expect(await here.store.rotate(id, newId(), record(), kept.version, call())).toBe("saved");
    });

    it("of a newer release is left alone", async () => {
      await here.sql(kind.setMark(table, "coatcheck sessions, schema 99"));
      await here.sql(`ALTER TABLE ${table} ADD COLUMN later INTEGER`);
      await here.store.createTable();
      await here.store.check(call());
      expect(await here.sql(kind.markOf(table))).toEqual([{ mark: "coatcheck sessions, schema 99" }]);
    });

    // Reports: voxpelli/node-connect-pg-simple#151, #245, #20.
    it("has a name that needs no care", () => {
      for (const wrong of ["", "a b", "a;b", 'a"b', "a`b", "a.b.c", "1a", ".a", "a.", "x".repeat(60), "ä"]) {
        expect(() => open(wrong), wrong).toThrow(/The option table takes/);
      }
    });
  });

  describe("rotate", () => {
    it("to an id that is taken rejects, and changes nothing", async () => {
      const [one, other] = [await keep(), await keep()];
      await expect(here.store.rotate(one.id, other.id, record(), one.kept.version, call())).rejects.toThrow();
      expect(await here.store.read(one.id, call())).toEqual(one.kept);
      expect(await here.store.read(other.id, call())).toEqual(other.kept);
    });
  });

  describe("creates, touches and deletes that arrive in one turn", () => {
    const keepSome = (count: number) => Promise.all(Array.from({ length: count }, () => keep()));
    async function move() {
      const { id, kept } = await keep();
      const to = newId();
      await here.store.rotate(id, to, record(), kept.version, call());
      return { id, kept, to };
    }

    it("each have their own outcome, by their own clock", async () => {
      const [good, stale, short, over] = (await keepSome(4)) as [Kept, Kept, Kept, Kept];
      const moved = await move();
      const later = Date.now() + 7_200_000;
      const touch = ({ id, kept }: Kept, version = kept.version, end = later, now?: number) =>
        here.store.touch(id, end, version, call(10_000, now));
      const touches = [
        touch(good),
        touch(stale, stale.kept.version + 1),
        touch(short, short.kept.version, short.kept.expiresAt - 1),
        touch(over, over.kept.version, over.kept.expiresAt + 2, over.kept.expiresAt),
        touch(moved),
        touch({ id: newId(), kept: record() }),
      ];
      expect(await Promise.all(touches)).toEqual([true, false, true, false, false, false]);
      const ends = await Promise.all([good, stale, short, over].map(({ id }) => here.store.read(id, call())));
      const unmoved = [stale, short, over].map(({ kept }) => kept.expiresAt);
      expect(ends.map((one) => (one as StoredRecord).expiresAt)).toEqual([later, ...unmoved]);

      const fresh = newId();
      const creates = [fresh, good.id, moved.id, newId()].map((id) =>
        here.store.create(id, record(), call()),
      );
      expect(await Promise.all(creates)).toEqual([true, false, false, true]);
      expect(((await here.store.read(good.id, call())) as StoredRecord).version).toBe(good.kept.version);

      const gone = [good.id, moved.id, fresh, newId(), good.id];
      const deletes = await Promise.all(gone.map((id) => here.store.delete(id, call())));
      expect(deletes).toEqual([undefined, { movedTo: moved.to }, undefined, undefined, undefined]);
      const left = [good.id, moved.id, fresh, stale.id].map((id) => here.store.read(id, call()));
      expect(await Promise.all(left)).toEqual([null, "moved", null, stale.kept]);
    });

    it("do not wait for a row that another transaction has locked, but for their own", async () => {
      const [locked, touched, deleted] = (await keepSome(3)) as [Kept, Kept, Kept];
      const transaction = await here.begin();
      await transaction.sql(`UPDATE ${table} SET data = 'x' WHERE id = ${literal(locked.id)}`);
      const end = Date.now() + 7_200_000;
      const waiting = Promise.all([
        here.store.touch(locked.id, end, locked.kept.version, call()),
        here.store.delete(locked.id, call()),
      ]);
      expect(await here.store.touch(touched.id, end, touched.kept.version, call(2000))).toBe(true);
      await here.store.delete(deleted.id, call(2000));
      expect(await here.store.read(deleted.id, call())).toBeNull();
      await transaction.end();
      await waiting;
      expect(await here.store.read(locked.id, call())).toBeNull();
    });
  });

  it("stats counts very many sessions in steps, exactly", async () => {
    await here.sql(kind.fill(table, 12_000));
    const { id, kept } = await keep({ userId: "ann", createdAt: 5 });
    await here.store.rotate(id, newId(), { ...kept, data: "x".repeat(1000) }, kept.version, call());
    let steps = 0;
    const stats = await here.store.stats({ ...call(), now: 6000, onStep: () => steps++ });
    expect(stats).toEqual({
      live: 6001,
      expired: 6000,
      authenticated: 6001,
      oldest: 5,
      bytes: 1000 + 6000 * 2,
    });
    expect(steps).toBeGreaterThan(1);
  });

  describe("two processes", () => {
    it("raise one counter 200 times each, and it comes out at 400", async () => {
      const { id } = await keep({ data: "0" });
      const run = async () => {
        const args = [name, server().url, table, id, "200"];
        const program = new URL("../processes/sql-counter.ts", import.meta.url);
        const child = fork(program, args, { execArgv: ["--import", "./test/runner/from-source.ts"] });
        expect(await once(child, "exit")).toEqual([0, null]);
      };
      await Promise.all([run(), run()]);
      expect(await dataOf(id)).toBe("400");
    }, 60_000);
  });

  describe("clearExpired", () => {
    it("passes over a row that another transaction has locked, and spares the one it touched", async () => {
      const now = Date.now();
      const [touched, other] = [await keep({ expiresAt: now - 2 }), await keep({ expiresAt: now - 1 })];
      const transaction = await here.begin();
      await transaction.sql(
        `UPDATE ${table} SET expires_at = ${now + 3_600_000} WHERE id = ${literal(touched.id)}`,
      );
      expect(await here.store.clearExpired({ ...call(2000, now), limit: 10 })).toBe(1);
      await transaction.sql("COMMIT");
      await transaction.end();
      expect(await here.store.clearExpired({ ...call(2000, now), limit: 10 })).toBe(0);
      expect(await dataOf(touched.id)).toBe("1");
      expect(await dataOf(other.id)).toBeUndefined();
    });

    it("runs on several servers at once, amid touches and logins, and takes each row once", async () => {
      const now = Date.now();
      const sleepers: StoreId[] = [];
      for (let n = 0; n < 30; n++) {
        const kept = Array.from({ length: 20 }, () => keep({ expiresAt: now + 60_000, version: n }));
        sleepers.push(...(await Promise.all(kept)).map(({ id }) => id));
      }
      // The clock of those that clear is ahead; a session that the others touch in time stays.
      const later = now + 60_000;
      let cleared = 0;
      let spared = 0;
      const sweep = async () => {
        const { store } = opens(table, { connections: 2 });
        for (let idle = 0; idle < 3; ) {
          const went = await store.clearExpired({ ...call(10_000, later), limit: 13 });
          cleared += went;
          idle = went === 0 ? idle + 1 : 0;
        }
      };
      const serve = async () => {
        const { store } = opens(table, { connections: 4 });
        for (const [n, id] of sleepers.entries()) {
          if (n % 3 > 0) continue;
          if (await store.touch(id, now + 3_600_000, Math.floor(n / 20), call(10_000, now))) spared++;
          await store.rotate((await keep()).id, newId(), record(), 0, call());
        }
      };
      await Promise.all([sweep(), sweep(), sweep(), serve()]);
      expect(cleared + spared).toBe(600);
    }, 60_000);
  });

  describe("a call that takes too long", () => {
    it("rejects at its signal while a row is locked, and leaves nothing half done", async () => {
      const { id, kept } = await keep({ userId: "ann" });
      const transaction = await here.begin();
      await transaction.sql(`UPDATE ${table} SET data = 'x' WHERE id = ${literal(id)}`);
      const to = newId();
      const ends = await abortUnderWay(
        (call) => [
          here.store.update(id, record(), kept.version, call),
          here.store.rotate(id, to, record(), kept.version, call),
          here.store.touch(id, Date.now() + 7_200_000, kept.version, call),
          here.store.delete(id, call),
        ],
        untilOneIsBlocked,
      );
      for (const end of ends) expect(end).toBeInstanceOf(Error);
      await transaction.end();
      // A statement that was sent may still be carried out, as a whole: the session is under one of the two ids, or deleted.
      await sleep(200);
      const [moved, old] = [await here.store.read(to, call()), await here.store.read(id, call())];
      expect(moved === null || old === "moved" || old === null).toBe(true);
      expect((await here.store.listUser("ann", call())).length).toBeLessThanOrEqual(1);
      expect(await here.store.create(newId(), record(), call())).toBe(true);
    });

    it("waits for a connection of an exhausted pool, rejects at its signal and does nothing later", async () => {
      const only = opens(table, { connections: 1 });
      const { id, kept } = await keep();
      const transaction = await only.begin();
      let patient: Promise<unknown> = Promise.resolve();
      const [end] = await abortUnderWay((impatient) => {
        const update = only.store.update(id, record({ data: "2" }), kept.version, impatient);
        patient = only.store.read(id, call());
        return [update];
      });
      expect(end).toBeInstanceOf(Error);
      await transaction.end();
      expect(((await patient) as StoredRecord).data).toBe("1");
      await sleep(50);
      expect(await dataOf(id)).toBe("1");
    });
  });

  describe.runIf(own)("a server that fails", () => {
    it("is hung: calls reject at their signals, and all is well when it goes on", async () => {
      const { id, kept } = await keep();
      await server().pause();
      try {
        const ends = await abortUnderWay((call) =>
          Array.from({ length: 20 }, (_, n) =>
            n % 2 === 0
              ? here.store.read(id, call)
              : here.store.rotate(id, newId(), record(), kept.version + 1, call),
          ),
        );
        for (const end of ends) expect(end).toBeInstanceOf(Error);
      } finally {
        await server().resume();
      }
      await expect.poll(() => dataOf(id).catch(String)).toBe("1");
      const ten = Array.from({ length: 20 }, () => here.store.read(id, call()));
      for (const found of await Promise.all(ten)) expect(found).toEqual(kept);
    });

    it("crashes and comes back: the same pool serves again", async () => {
      const { id, kept } = await keep();
      await Promise.all(Array.from({ length: 10 }, () => here.store.read(id, call())));
      const transaction = await here.begin();
      await transaction.sql(`UPDATE ${table} SET data = 'x' WHERE id = ${literal(id)}`);
      const inFlight = here.store.update(id, record(), kept.version, call());
      await untilOneIsBlocked();
      await Promise.all([server().kill(), expect(inFlight).rejects.toThrow()]);
      await transaction.end();
      await expect(here.store.read(id, call(1000))).rejects.toThrow();
      await expect(here.store.read(id, call(1000))).rejects.toThrow();
      await server().restart();
      const next = newId();
      const create = () => here.store.create(next, record(), call()).catch(String);
      await expect.poll(create).toBe(true);
      expect(await dataOf(next)).toBe("1");
    }, 60_000);

    it("is out of reach without a word: connections that stay silent are replaced", async () => {
      const line = await wire(server().port);
      const only = opens(table, { port: line.port, connections: 1 });
      const { id } = await keep();
      expect(await only.store.read(id, call())).toMatchObject({ data: "1" });
      line.cut();
      await expect(only.store.read(id, call(200))).rejects.toThrow();
      // The one connection hangs; when its time is up the pool makes another.
      await expect(only.store.read(id, call(1000))).rejects.toThrow();
      expect(await only.store.read(id, call(8000))).toMatchObject({ data: "1" });
      line.close();
    });

    /** A store with one connection, which is in use through a wire. */
    async function wired() {
      const line = await wire(server().port);
      const { store } = opens(table, { port: line.port, connections: 1 });
      await store.read(newId(), call());
      return { line, store };
    }

    it("closes a connection that rests: another one is used, whatever the call", async () => {
      const kept = await Promise.all(Array.from({ length: 6 }, () => keep({ userId: "ann" })));
      const [a, b, c, d, e, f] = kept as [Kept, Kept, Kept, Kept, Kept, Kept];
      const now = Date.now();
      const calls: [(store: SqlStore) => Promise<unknown>, unknown][] = [
        [(store) => store.read(a.id, call()), a.kept],
        [(store) => store.create(newId(), record(), call()), true],
        [(store) => store.update(b.id, record(), b.kept.version, call()), "saved"],
        [(store) => store.rotate(c.id, newId(), record(), c.kept.version, call()), "saved"],
        [(store) => store.touch(d.id, now + 7_200_000, d.kept.version, call()), true],
        [(store) => store.delete(e.id, call()), undefined],
        [async (store) => (await store.listUser("ann", call())).includes(f.id), true],
        [(store) => store.clearExpired({ ...call(), limit: 1 }), 0],
      ];
      const { line, store } = await wired();
      for (const [one, answer] of calls) {
        line.drop();
        expect(await one(store)).toEqual(answer);
      }
      line.close();
    });

    // Reports: chill117/express-mysql-session, reports on lost connections.
    it("ends a connection with the statement on it: the statement is sent again, and carried out once", async () => {
      const { id, kept } = await keep();
      const fresh = newId();
      const transaction = await here.begin();
      await transaction.sql(`UPDATE ${table} SET data = 'x' WHERE id = ${literal(id)}`);
      await transaction.sql(
        `INSERT INTO ${table} (id, data, version, created_at, expires_at, format) VALUES (${literal(fresh)}, '', 1, 0, 0, 1)`,
      );
      const { store } = opens(table, { connections: 4 });
      const next = record({ data: "2" });
      const update = store.update(id, next, kept.version, call());
      const create = store.create(fresh, record({ data: "3" }), call());
      create.catch(() => {}); // It is looked at below.
      let blocked: Record<string, unknown>[] = [];
      while (blocked.length < 2) blocked = await here.sql(kind.blocked(table));
      for (const { pid } of blocked) await here.sql(kind.end(Number(pid)));
      await transaction.end();
      expect(await update).toBe("saved");
      expect(await here.store.read(id, call())).toEqual(next);
      // PostgreSQL says that it has ended the statement. MariaDB says nothing, so a create is in doubt.
      expect(await create.catch((error) => error.name)).toBe(name === "postgres" ? true : "InDoubtError");
      expect(await dataOf(fresh)).toBe(name === "postgres" ? "3" : undefined);
    });

    it("loses the answer: the repeated call finds its own work, alone and in a batch", async () => {
      for (const count of [1, 2]) {
        const kept = await Promise.all(Array.from({ length: 4 * count }, () => keep()));
        const some = (from: number) => kept.slice(from * count, (from + 1) * count);
        const to = some(1).map(() => newId());
        const calls: ((store: SqlStore) => Promise<unknown>[])[] = [
          (store) =>
            some(0).map(({ id, kept }) => store.update(id, record({ data: "2" }), kept.version, call())),
          (store) =>
            some(1).map(({ id, kept }, n) =>
              store.rotate(id, to[n] as StoreId, record({ data: "2" }), kept.version, call()),
            ),
          (store) => some(2).map(({ id, kept }) => store.touch(id, 9e14, kept.version, call())),
          (store) => some(3).map(({ id }) => store.delete(id, call())),
        ];
        const answers = ["saved", "saved", true, undefined];
        for (const [n, start] of calls.entries()) {
          const { line, store } = await wired();
          line.hold("answers");
          const pending = start(store);
          await line.somethingHeld();
          line.drop();
          expect(await Promise.all(pending)).toEqual(pending.map(() => answers[n]));
          line.close();
        }
        for (const { id } of some(0)) expect(await dataOf(id)).toBe("2");
        for (const id of to) expect(await dataOf(id)).toBe("2");
      }
    });

    it("loses the answer to an update on which others have built: it is in doubt, for a conflict would make it twice", async () => {
      const update = (id: StoreId, version: number) =>
        here.store.update(id, record({ data: "3" }), version, call());
      const rotate = (id: StoreId, version: number) =>
        here.store.rotate(id, newId(), record({ data: "3" }), version, call());
      // MariaDB's updates are not batched, so on one connection the second would wait for the answer to the first.
      const counts = name === "postgres" ? [1, 2] : [1];
      for (const [count, other] of counts.flatMap((count) =>
        [update, rotate].map((other) => [count, other] as const),
      )) {
        const kept = await Promise.all(Array.from({ length: count }, () => keep()));
        const mine = kept.map(() => record({ data: "2" }));
        const { line, store } = await wired();
        await store.update(newId(), record(), 1, call()); // MariaDB's statement is prepared now.
        line.hold("answers");
        const updates = Promise.allSettled(
          kept.map(({ id, kept }, n) => store.update(id, mine[n] as StoredRecord, kept.version, call())),
        );
        for (const [n, { id }] of kept.entries()) {
          await expect.poll(() => dataOf(id)).toBe("2");
          expect(await other(id, mine[n]?.version ?? 0)).toBe("saved");
        }
        await line.somethingHeld();
        line.drop();
        // The mark of a rotation keeps the version of the record that it was made of, so the update finds its own work there.
        const told =
          other === rotate
            ? { status: "fulfilled", value: "saved" }
            : { status: "rejected", reason: { name: "InDoubtError" } };
        for (const one of await updates) expect(one).toMatchObject(told);
        line.close();
      }
    });

    it("loses a create on its way: it is not repeated, for it may land after a delete", async () => {
      for (const count of name === "postgres" ? [1, 2] : [1]) {
        const { line, store } = await wired();
        const ids = Array.from({ length: count }, newId);
        await store.create(newId(), record(), call()); // MariaDB's statement is prepared now.
        line.hold("requests");
        const creates = Promise.allSettled(ids.map((id) => store.create(id, record(), call())));
        await line.somethingHeld();
        line.drop("near");
        for (const create of await creates) {
          expect(create).toMatchObject({ status: "rejected", reason: { name: "InDoubtError" } });
        }
        for (const id of ids) expect(await here.store.read(id, call())).toBeNull();
        line.release();
        await expect.poll(() => dataOf(ids[0] as StoreId)).toBe("1");
        line.close();
      }
    });

    it("drops a connection in the middle of a write: the write is repeated, and carried out once", async () => {
      const { line, store } = await wired();
      const { id, kept } = await keep();
      const transaction = await here.begin();
      await transaction.sql(`UPDATE ${table} SET data = 'x' WHERE id = ${literal(id)}`);
      const update = store.update(id, record({ data: "2" }), kept.version, call(5000));
      await untilOneIsBlocked();
      line.drop();
      await transaction.end();
      expect(await update).toBe("saved");
      expect(await dataOf(id)).toBe("2");
      line.close();
    });
  });
}

interface Kept {
  id: StoreId;
  kept: StoredRecord;
}

/**
 * A proxy to a port. Open connections can go silent, drop, or be held: bytes of a direction then wait, and are sent on by
 * `release`. New connections work.
 */
async function wire(to: number) {
  interface Line {
    near: Socket;
    far: Socket;
  }
  let lines: Line[] = [];
  let held: { direction: "requests" | "answers"; bytes: [Socket, Buffer][] } | undefined;
  let tellHeld = () => {};
  const forward = (direction: "requests" | "answers", bytes: Buffer, on: Socket) => {
    if (held?.direction !== direction) return void on.write(bytes);
    held.bytes.push([on, bytes]);
    tellHeld();
  };
  const listener = createServer((near) => {
    const far = connect(to, "127.0.0.1");
    const line = { near, far };
    near.on("data", (bytes) => forward("requests", bytes, far)).on("error", () => {});
    far.on("data", (bytes) => forward("answers", bytes, near)).on("error", () => {});
    near.on("close", () => lines.includes(line) && far.destroy());
    far.on("close", () => near.destroy());
    lines.push(line);
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const take = () => lines.splice(0);
  const parted: Socket[] = [];
  return {
    port: (listener.address() as { port: number }).port,
    cut() {
      for (const end of take().flatMap(({ near, far }) => [near, far])) {
        end
          .removeAllListeners()
          .on("error", () => {})
          .pause();
        parted.push(end);
      }
    },
    hold(direction: "requests" | "answers") {
      held = { direction, bytes: [] };
    },
    /** Resolves when bytes wait. */
    somethingHeld: () =>
      new Promise<void>((resolve) => {
        if (held?.bytes.length) resolve();
        tellHeld = resolve;
      }),
    release() {
      for (const [on, bytes] of held?.bytes ?? []) on.write(bytes);
      held = undefined;
    },
    drop(ends?: "near") {
      for (const { near, far } of take()) {
        near.destroy();
        if (ends === undefined) far.destroy();
        else parted.push(far);
      }
      if (held?.direction === "answers") held = undefined;
    },
    close() {
      for (const end of [...take().flatMap(({ near, far }) => [near, far]), ...parted]) end.destroy();
      lines = [];
      listener.close();
    },
  };
}
