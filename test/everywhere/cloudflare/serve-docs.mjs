// Serves worker.ts of this folder with the bindings that the docs name, after table.sql has been carried out.
import { readFileSync } from "node:fs";
import { bundle } from "./bundle.mjs";
import { listen } from "./listen.mjs";

const hasShard = readFileSync("worker.ts", "utf8").includes("SessionShard");
const durableObjects = hasShard ? { SESSIONS: { className: "SessionShard", useSQLite: true } } : {};
const table = readFileSync("table.sql", "utf8").replace(/--.*/g, "").split(";");

await listen(
  { ...(await bundle("worker.ts")), d1Databases: { DB: "sessions" }, durableObjects },
  async (server) => {
    const database = await server.getD1Database("DB");
    for (const sql of table) if (sql.trim() !== "") await database.prepare(sql).run();
  },
);
