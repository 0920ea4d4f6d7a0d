/** The statements on Django's two tables. Calls that arrive in one turn of the event loop read together. */
import type { Signal } from "../../contract/call.ts";
import { SettingsError } from "../../errors.ts";
import { batched } from "../calls/batched.ts";
import type { Connection, Value } from "./connection.ts";
import type { DjangoUser, FindUser } from "./users.ts";
import type { Zone } from "./zone.ts";

/** A row of the table of sessions. */
export interface SessionRow {
  readonly text: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** The columns of the table of users. */
export interface UserColumns {
  readonly table: string;
  readonly id: string;
  readonly password: string;
  /** null where the model has no such column: every user counts as active then. */
  readonly active: string | null;
}

/** A name, or two with a dot between them, in quotes. */
export function quoted(connection: Connection, option: string, name: unknown): string {
  if (typeof name !== "string" || !/^(?=.{1,128}$)([a-z_]\w*\.)?[a-z_]\w*$/i.test(name)) {
    throw new SettingsError(option, "a name of letters, digits and _, or schema.name");
  }
  return name.split(".").map(connection.dialect.quote).join(".");
}

/** Filled up to a power of two with the last value, because each number of places is another statement to prepare. */
function filled<T>(values: readonly T[]): T[] {
  const places = 2 ** Math.ceil(Math.log2(values.length));
  return Array.from({ length: places }, (_, n) => (values[n] ?? values.at(-1)) as T);
}

const placesFor = (values: readonly unknown[]) => values.map(() => "?").join(", ");

export function sessionsTable(connection: Connection, table: string, zone: Zone) {
  const { dialect } = connection;
  const date = (moment: number) => zone.textOf(moment) + (dialect.datesHaveOffset ? "+00:00" : "");
  const columns = `session_key, session_data, ${dialect.dateAsText("expire_date")}`;
  /** Values of `dialect.equals`, which may compare twice. */
  const twice = (value: string): string[] =>
    Array.from({ length: dialect.equals("x").split("?").length - 1 }, () => value);
  const isRow = `${dialect.equals("session_key")} AND ${dialect.equals("session_data")} AND expire_date > ?`;
  const theRow = (key: string, { text }: SessionRow, now: number) => [
    ...twice(key),
    ...twice(text),
    date(now),
  ];

  const find = batched<string, SessionRow | null>({
    one: async (key, signal) => (await findAll([key], signal))[0] ?? null,
    many: (keys, signal) => findAll(keys, signal),
  });

  async function findAll(keys: readonly string[], signal: Signal): Promise<(SessionRow | null)[]> {
    const wanted = filled(keys);
    const rows = await connection.rows(
      `SELECT ${columns} FROM ${table} WHERE session_key IN (${placesFor(wanted)})`,
      wanted,
      signal,
    );
    const found = new Map(rows.map((row) => [row[0], row]));
    return keys.map((key) => {
      const row = found.get(key);
      return row === undefined ? null : rowOf(row);
    });
  }

  const rowOf = ([, text, expiresAt]: unknown[]): SessionRow => ({
    text: String(text),
    expiresAt: zone.momentOf(String(expiresAt)),
  });

  return {
    /** The row that has not expired. */
    async find(key: string, now: number, signal: Signal): Promise<SessionRow | null> {
      const row = await find(key, signal);
      return row !== null && row.expiresAt > now ? row : null;
    },
    insert: (key: string, { text, expiresAt }: SessionRow, signal: Signal) =>
      connection.insert(
        `INSERT INTO ${table} (session_key, session_data, expire_date) VALUES (?, ?, ?)`,
        [key, text, date(expiresAt)],
        signal,
      ),
    /** Replaces a row that is still as it was seen, and has not expired. False where it is not. Never repeated. */
    async replace(key: string, seen: SessionRow, row: SessionRow, now: number, signal: Signal) {
      const sql = `UPDATE ${table} SET session_data = ?, expire_date = ? WHERE ${isRow}`;
      const values = [row.text, date(row.expiresAt), ...theRow(key, seen, now)];
      return (await connection.change(sql, values, signal, false)) > 0;
    },
    /** The same, under a new key. May be repeated: another row cannot have that key. */
    async move(key: string, seen: SessionRow, newKey: string, row: SessionRow, now: number, signal: Signal) {
      const sql = `UPDATE ${table} SET session_key = ?, session_data = ?, expire_date = ? WHERE ${isRow}`;
      const values = [newKey, row.text, date(row.expiresAt), ...theRow(key, seen, now)];
      if ((await connection.change(sql, values, signal)) > 0) return true;
      return (await find(newKey, signal))?.text === row.text;
    },
    /** Moves the end of a row later, on the same conditions. */
    async touch(
      key: string,
      seen: SessionRow,
      expiresAt: number,
      now: number,
      signal: Signal,
    ): Promise<boolean> {
      const sql = `UPDATE ${table} SET expire_date = ? WHERE ${isRow} AND expire_date < ?`;
      const values = [date(expiresAt), ...theRow(key, seen, now), date(expiresAt)];
      return (await connection.change(sql, values, signal)) > 0;
    },
    async remove(key: string, signal: Signal): Promise<boolean> {
      const sql = `DELETE FROM ${table} WHERE ${dialect.equals("session_key")}`;
      return (await connection.change(sql, twice(key), signal)) > 0;
    },
    clearExpired: (now: number, limit: number, signal: Signal): Promise<number> =>
      connection.change(dialect.deleteExpired(table, limit), [date(now), date(now)], signal),
    /** The rows that end last. */
    async newest(limit: number, signal: Signal): Promise<SessionRow[]> {
      const sql = `SELECT ${columns} FROM ${table} ORDER BY expire_date DESC LIMIT ${limit}`;
      return (await connection.rows(sql, [], signal)).map(rowOf);
    },
  };
}

/** A UUID is looked up with dashes and as 32 digits: Django's databases keep it in the one or the other way. */
const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
const digitsOf = (id: string) => (UUID.test(id) ? id.replaceAll("-", "").toLowerCase() : id);

function formsOf(id: string): string[] {
  if (!UUID.test(id)) return [id];
  const digits = digitsOf(id);
  return [digits, digits.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")];
}

export function usersTable(connection: Connection, columns: UserColumns): FindUser {
  const { dialect } = connection;
  const named = (name: string, option: string) => quoted(connection, `users.${option}`, name);
  const table = named(columns.table, "table");
  const id = named(columns.id, "id");
  const active = columns.active === null ? "1 AS active" : named(columns.active, "active");
  const select = `SELECT ${dialect.asText(id)}, ${named(columns.password, "password")}, ${active} FROM ${table} WHERE ${id}`;

  async function findAll(ids: readonly string[], signal: Signal): Promise<(DjangoUser | null)[]> {
    const wanted: Value[] = filled(ids.flatMap(formsOf));
    const rows = await connection.rows(`${select} IN (${placesFor(wanted)})`, wanted, signal);
    // Compared here once more: a database may take "1a" for 1, or "Ann" for "ann".
    const found = new Map(rows.map((row) => [digitsOf(String(row[0])), row]));
    return ids.map((id) => {
      const row = found.get(digitsOf(id));
      return row === undefined ? null : { password: String(row[1]), isActive: Boolean(Number(row[2])) };
    });
  }

  return batched<string, DjangoUser | null>({
    async one(id, signal) {
      try {
        return (await findAll([id], signal))[0] ?? null;
      } catch (error) {
        if (connection.isOtherType(error)) return null;
        throw error;
      }
    },
    many: findAll,
  });
}
