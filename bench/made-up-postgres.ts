import type { PostgresClient, PostgresPool, PostgresQuery } from "coatcheck/postgres";

/** A record as a batch of writes has it. */
type Given = Readonly<Record<string, unknown>> & { readonly id: string };

/** The columns as `read` and `readMany` select them. */
const COLUMNS = "data version userId createdAt authenticatedAt expiresAt expiry format".split(" ");

/**
 * A pool of `pg` that answers at once, from memory, so that neither a driver nor a server is measured. It knows the statements that
 * read, create and update, for one session and for many; it compares no versions.
 */
export function madeUpPostgres(): PostgresPool {
  const rows = new Map<string, unknown[]>();

  function store(id: string, values: readonly unknown[]): void {
    rows.set(id, [...values.map((value) => (typeof value === "number" ? `${value}` : value)), null]);
  }

  function answer({ text, values = [] }: PostgresQuery): unknown[][] {
    const [first] = values as [string];
    if (/^\s*SELECT data, .* = ANY/.test(text)) {
      const ids = first
        .slice(1, -1)
        .split(",")
        .map((id) => id.slice(2, -1));
      return ids.flatMap((id) => {
        const row = rows.get(id);
        return row === undefined ? [] : [[...row, id.slice(2)]];
      });
    }
    if (/^\s*SELECT data, /.test(text)) return [rows.get(first)].filter((row) => row !== undefined);
    if (/json_to_recordset/.test(text) && /INSERT|SET data/.test(text)) {
      const given: Given[] = JSON.parse(first);
      for (const one of given)
        store(
          one.id,
          COLUMNS.map((column) => one[column]),
        );
      return given.map(({ id }) => [id.slice(2)]);
    }
    if (/^\s*(INSERT|UPDATE \S+ SET data)/.test(text)) {
      store(first, values.slice(1, 1 + COLUMNS.length));
      return [[]];
    }
    throw new Error(`The made-up PostgreSQL does not know how to answer: ${text}`);
  }

  const client: PostgresClient = {
    async query(query) {
      const found = answer(query);
      return { rows: found, rowCount: found.length };
    },
    release() {},
    on() {},
    off() {},
  };
  return { connect: async () => client };
}
