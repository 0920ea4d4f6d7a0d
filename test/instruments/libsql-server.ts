/**
 * A stand-in for a libSQL server, as none can be had as a package: the Hrana protocol, version 2, as far as `execute` and `batch` of
 * `@libsql/client` speak it, over a SQLite database.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";

type Value =
  | { type: "null" }
  | { type: "integer"; value: string }
  | { type: "float"; value: number }
  | { type: "text"; value: string };

interface Statement {
  readonly sql?: string;
  readonly sql_id?: number;
  readonly args?: Value[];
}

type Condition =
  | { type: "ok"; step: number }
  | { type: "error"; step: number }
  | { type: "not"; cond: Condition }
  | { type: "and"; conds: Condition[] }
  | { type: "or"; conds: Condition[] };

type Request =
  | { type: "execute"; stmt: Statement }
  | { type: "batch"; batch: { steps: { stmt: Statement; condition?: Condition }[] } }
  | { type: "store_sql"; sql_id: number; sql: string }
  | { type: "close" | "close_sql" };

export interface LibsqlServer {
  readonly url: string;
  /** The number of requests until now. */
  readonly requests: number;
  close(): Promise<void>;
}

export async function startLibsqlServer(path: string): Promise<LibsqlServer> {
  const database = new DatabaseSync(path);
  let requests = 0;

  function run({ sql = "", args = [] }: Statement) {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    const values = args.map((arg) =>
      arg.type === "null" ? null : arg.type === "integer" ? BigInt(arg.value) : arg.value,
    );
    const cols = statement.columns().map(({ name }) => ({ name }));
    const rows = cols.length === 0 ? [] : (statement.all(...values) as Record<string, unknown>[]);
    const changes = cols.length === 0 ? Number(statement.run(...values).changes) : 0;
    return {
      cols,
      rows: rows.map((row) => cols.map(({ name }) => encode(row[name]))),
      affected_row_count: changes,
    };
  }

  /** All requests of one call are one stream. */
  function answer(wanted: Request[]) {
    const texts = new Map<number, string>();
    const textOf = (statement: Statement): Statement =>
      statement.sql_id === undefined ? statement : { ...statement, sql: texts.get(statement.sql_id) ?? "" };
    return wanted.map((request) => {
      if (request.type === "store_sql") texts.set(request.sql_id, request.sql);
      if (request.type === "batch") {
        return { type: "ok", response: { type: "batch", result: batch(request.batch.steps, textOf) } };
      }
      if (request.type !== "execute") return { type: "ok", response: { type: request.type } };
      try {
        return { type: "ok", response: { type: "execute", result: run(textOf(request.stmt)) } };
      } catch (error) {
        return { type: "error", error: told(error) };
      }
    });
  }

  function batch(
    steps: { stmt: Statement; condition?: Condition }[],
    textOf: (statement: Statement) => Statement,
  ) {
    const results: unknown[] = [];
    const errors: unknown[] = [];
    const holds = (condition: Condition | undefined): boolean => {
      if (condition === undefined) return true;
      if (condition.type === "not") return !holds(condition.cond);
      if (condition.type === "and") return condition.conds.every(holds);
      if (condition.type === "or") return condition.conds.some(holds);
      return Boolean((condition.type === "ok" ? results : errors)[condition.step]);
    };
    for (const { stmt, condition } of steps) {
      let result: unknown = null;
      let error: unknown = null;
      try {
        if (holds(condition)) result = run(textOf(stmt));
      } catch (thrown) {
        error = told(thrown);
      }
      results.push(result);
      errors.push(error);
    }
    return { step_results: results, step_errors: errors };
  }

  const server = createServer(async (request, response) => {
    requests++;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { requests: wanted } = JSON.parse(Buffer.concat(chunks).toString()) as { requests: Request[] };
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ baton: null, base_url: null, results: answer(wanted) }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      database.close();
    },
  };
}

function encode(value: unknown): Value {
  if (value === null || value === undefined) return { type: "null" };
  if (typeof value === "bigint") return { type: "integer", value: String(value) };
  return typeof value === "number" ? { type: "float", value } : { type: "text", value: String(value) };
}

const told = (error: unknown) => ({ message: (error as Error).message, code: "SQLITE_ERROR" });
