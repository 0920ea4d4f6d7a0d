import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, onTestFinished } from "vitest";

const FOLDER = fileURLToPath(new URL("../../examples/locallibrary/", import.meta.url));
const FROM_SOURCE = new URL("../runner/from-source.ts", import.meta.url).href;

/** The real site as a process of its own, on a free port. */
export interface Site {
  url: string;
  /** What it has printed so far. */
  output(): string;
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null }>;
}

/** Starts the site for one test, and stops it with the test unless the test did. */
export async function startSite(database: string = temporaryDatabase()): Promise<Site> {
  const site = await launch(database);
  onTestFinished(async () => {
    await site.stop("SIGKILL");
  });
  return site;
}

/** A database file in a folder of its own, gone when the test is over. */
export function temporaryDatabase(): string {
  const folder = temporaryFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "library.sqlite3");
}

/** One site for all tests of a file, each of which brings a browser of its own. */
export function siteOfThisFile(): () => Site {
  const folder = temporaryFolder();
  let site: Site | undefined;
  beforeAll(async () => {
    site = await launch(join(folder, "library.sqlite3"));
  });
  afterAll(async () => {
    await site?.stop("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  return () => site as Site;
}

async function launch(database: string): Promise<Site> {
  const { address, output, stop } = spawnSite({ LIBRARY_DATABASE: database, PORT: "0" });
  return { url: await address, output, stop };
}

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "locallibrary-"));
}

/** Starts the site with these variables. `address` is read from its banner, and rejects with its output if there is none. */
export function spawnSite(variables: Record<string, string>) {
  const child = spawn(process.execPath, ["--import", FROM_SOURCE, "src/server.ts"], {
    cwd: FOLDER,
    env: { ...process.env, ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null }));
  const address = new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        const banner = /http:\/\/localhost:\d+/.exec(said);
        if (banner) resolve(banner[0]);
      });
    }
    void ended.then(() => reject(new Error(`LocalLibrary did not start:\n${said}`)));
  });
  // Tests that look only at how the site ends never wait for the address.
  address.catch(() => {});

  return {
    address,
    ended,
    output: () => said,
    signal: (name: NodeJS.Signals) => void child.kill(name),
    async stop(signal: NodeJS.Signals = "SIGTERM") {
      child.kill(signal);
      return ended;
    },
  };
}
