import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryStore } from "coatcheck";
import { sqliteStore } from "coatcheck/sqlite";
import { onTestFinished } from "vitest";
import { expressServer } from "./express-server.ts";
import { plainServer } from "./plain-server.ts";
import { raceTests } from "./race-tests.ts";

async function sqliteInFolder() {
  const folder = await mkdtemp(join(tmpdir(), "coatcheck-races-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return sqliteStore(join(folder, "sessions.sqlite3"));
}

raceTests("open and commit, memoryStore", plainServer, memoryStore);
raceTests("Express, memoryStore", expressServer, memoryStore);
raceTests("Express, sqliteStore", expressServer, sqliteInFolder);
