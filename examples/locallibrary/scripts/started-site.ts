import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";

/** The site on a new library, and the Chromium at the path CHROMIUM to visit it with. */
export interface StartedSite {
  url: string;
  /** The library's file. */
  database: string;
  browser: Browser;
  stop(): Promise<void>;
}

export async function startSite(): Promise<StartedSite> {
  const temporary = mkdtempSync(join(tmpdir(), "locallibrary-pictures-"));
  const database = join(temporary, "library.sqlite3");
  const child = spawn(
    process.execPath,
    [...process.execArgv, join(import.meta.dirname, "../src/server.ts")],
    {
      env: { ...process.env, PORT: "0", LIBRARY_DATABASE: database, SESSION_STORE: "" },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const [banner] = await once(child.stdout, "data");
  const url = /http:\/\/localhost:\d+/.exec(String(banner))?.[0];
  if (!url) throw new Error(`The site did not start:\n${banner}`);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  return {
    url,
    database,
    browser,
    async stop() {
      await browser.close();
      child.kill();
      await once(child, "close");
      rmSync(temporary, { recursive: true, force: true });
    },
  };
}
