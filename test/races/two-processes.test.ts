import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, onTestFinished } from "vitest";
import { countInTwoProcesses } from "./counting-processes.ts";
import { limitInTwoProcesses } from "./limiting-processes.ts";
import { refreshInTwoProcesses } from "./refreshing-processes.ts";

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "coatcheck-processes-"));
  // To be removed after the processes have ended: what is registered first runs last.
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

const onSqlite = async () => `sqlite:${join(await folder(), "sessions.sqlite3")}`;
const onFiles = async () => `file:${await folder()}`;

describe("on one SQLite file", () => {
  countInTwoProcesses(onSqlite);
  refreshInTwoProcesses(onSqlite);
  limitInTwoProcesses(onSqlite);
});
describe("on one directory", () => {
  countInTwoProcesses(onFiles);
  refreshInTwoProcesses(onFiles);
  limitInTwoProcesses(onFiles);
});
