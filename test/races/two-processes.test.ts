import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, onTestFinished } from "vitest";
import { countInTwoProcesses } from "./counting-processes.ts";

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "coatcheck-processes-"));
  // To be removed after the processes have ended: what is registered first runs last.
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

describe("on one SQLite file", () =>
  countInTwoProcesses(async () => `sqlite:${join(await folder(), "sessions.sqlite3")}`));
describe("on one directory", () => countInTwoProcesses(async () => `file:${await folder()}`));
