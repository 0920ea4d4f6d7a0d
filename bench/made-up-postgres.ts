import pg from "pg";
import { type Answer, MadeUpServer, row } from "./postgres-protocol.ts";

const [TEXT, BIGINT, DOUBLE, BYTES] = [25, 20, 701, 17] as const;
/** The types of the columns that `read` selects: the eight of a record, and the new id of a moved one. `readMany` adds the id. */
const READ = [TEXT, BIGINT, TEXT, BIGINT, BIGINT, BIGINT, DOUBLE, BIGINT, BYTES];

/** The columns of a record, as a batch of writes names them. */
const COLUMNS = "data version userId createdAt authenticatedAt expiresAt expiry format".split(" ");

/**
 * A pool of the real driver, whose connections lead to a PostgreSQL that answers at once, from memory: so the driver is measured, and
 * neither a server nor a socket is. It knows the statements that read, create and update, for one session and for many; it compares
 * no versions.
 */
export function madeUpPostgres(): pg.Pool {
  const records = new Map<string, unknown[]>();

  function answer(text: string, values: readonly (string | null)[]): Answer {
    const [first = ""] = values as string[];
    if (/^\s*SELECT data, .* = ANY/.test(text)) {
      const ids = first
        .slice(1, -1)
        .split(",")
        .map((id) => id.slice(2, -1));
      const rows = ids.flatMap((id) => found(id).map((record) => row([...record, null, id.slice(2)])));
      return { types: [...READ, TEXT], rows, count: rows.length };
    }
    if (/^\s*SELECT data, /.test(text)) {
      const rows = found(first).map((record) => row([...record, null]));
      return { types: READ, rows, count: rows.length };
    }
    if (/json_to_recordset/.test(text) && /INSERT|SET data/.test(text)) {
      const given: Record<string, unknown>[] = JSON.parse(first);
      const rows = given.map(({ id, ...record }) => {
        records.set(
          id as string,
          COLUMNS.map((column) => record[column]),
        );
        return row([(id as string).slice(2)]);
      });
      return { types: [TEXT], rows, count: rows.length };
    }
    if (/^\s*(INSERT|UPDATE \S+ SET data)/.test(text)) {
      records.set(first, values.slice(1, 1 + COLUMNS.length));
      return { types: [], rows: [], count: 1 };
    }
    throw new Error(`The made-up PostgreSQL does not know how to answer: ${text}`);
  }

  const found = (id: string) => [records.get(id)].filter((record) => record !== undefined);

  return new pg.Pool({ stream: (() => new MadeUpServer(answer)) as never });
}
