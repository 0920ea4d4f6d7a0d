// Serves worker.ts of this folder with the bindings that the docs name, after table.sql has been carried out.
import { existsSync, readFileSync } from "node:fs";
import { Miniflare } from "miniflare";
import { bundle } from "./bundle.mjs";

const bundled = await bundle("worker.ts");
const hasShard = readFileSync("worker.ts", "utf8").includes("SessionShard");
const server = new Miniflare({
  ...bundled,
  d1Databases: { DB: "sessions" },
  durableObjects: hasShard ? { SESSIONS: { className: "SessionShard", useSQLite: true } } : {},
  host: "127.0.0.1",
  port: 0,
});
const table = existsSync("table.sql") ? readFileSync("table.sql", "utf8").replace(/--.*/g, "") : "";
if (table.trim() !== "") {
  const database = await server.getD1Database("DB");
  await database.batch(
    table
      .split(";")
      .filter((sql) => sql.trim() !== "")
      .map((sql) => database.prepare(sql)),
  );
}
console.log(JSON.stringify({ event: "listen", port: Number((await server.ready).port) }));
