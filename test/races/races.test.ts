import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryStore } from "coatcheck";
import { sqliteStore } from "coatcheck/sqlite";
import { expressServer } from "./express-server.ts";
import { plainServer } from "./plain-server.ts";
import type { MakeStore } from "./race.ts";
import { raceTests } from "./race-tests.ts";

const sqliteInFolder: MakeStore = async (atEnd) => {
  const folder = await mkdtemp(join(tmpdir(), "coatcheck-races-"));
  atEnd(() => rm(folder, { recursive: true }));
  return sqliteStore(join(folder, "sessions.sqlite3"));
};

raceTests("open and commit, memoryStore", plainServer, () => memoryStore());
raceTests("Express, memoryStore", expressServer, () => memoryStore());
raceTests("Express, sqliteStore", expressServer, sqliteInFolder);
