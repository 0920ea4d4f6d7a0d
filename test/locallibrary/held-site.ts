import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type Database from "better-sqlite3";
import { createSessions, memoryStore, type Options, type Sessions, type Store } from "coatcheck";
import type { Locator } from "playwright-core";
import { onTestFinished } from "vitest";
import { type HeldStore, heldStore } from "../instruments/held-store.ts";
import { mouseOver } from "./chromium.ts";
import { temporaryDatabase } from "./site.ts";

interface LibraryDatabase {
  $client: Database.Database;
}

interface Library {
  database: LibraryDatabase;
  sessions: Sessions;
  sessionStore: { store: Store; name: string };
  demo: { outages: Outages; siteUrl: () => string };
}

interface Outages {
  around(store: Store): Store;
}

/** Imported by address, without types: the site declares session keys, which would then hold for every test's types. */
const source = (file: string) =>
  import(String(new URL(`../../examples/locallibrary/src/${file}`, import.meta.url)));

const { openDatabase }: { openDatabase(path: string): LibraryDatabase } = await source("database/open.ts");
const { createApp }: { createApp(library: Library): { listen(port: number, host: string): Server } } =
  await source("app.ts");
const { Outages }: { Outages: new (clock?: () => number) => Outages } = await source("tour/outages.ts");

export interface HeldSite extends HeldStore {
  url: string;
  sessions: Sessions;
  database: Database.Database;
  /** Resolves when the server has seen that a browser hung up on a request without taking its answer. */
  hungUp(): Promise<void>;
}

/**
 * The site in this process, on a store whose calls a test can hold for as long as a busy machine needs. `options` are further ones of
 * the sessions.
 */
export async function startHeldSite(
  options: Pick<Options, "clock"> = {},
  inner: Store = memoryStore(),
): Promise<HeldSite> {
  const database = openDatabase(temporaryDatabase());
  const held = heldStore(inner);
  const outages = new Outages(options.clock);
  const sessions = createSessions({
    ...options,
    store: outages.around(held.store),
    lazy: true,
    storeTimeout: 120,
  });
  const sessionStore = { store: held.store, name: "memory" };
  const siteUrl = () => "https://library.example";
  const app = createApp({ database, sessions, sessionStore, demo: { outages, siteUrl } });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const hungUp = () =>
    new Promise<void>((resolve) => {
      server.on("request", (_req, res) => {
        res.once("close", () => {
          if (!res.writableFinished) resolve();
        });
      });
    });
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await sessions.close();
    database.$client.close();
  });
  const { port } = server.address() as AddressInfo;
  return { ...held, database: database.$client, sessions, hungUp, url: `http://127.0.0.1:${port}` };
}

/** Sends requests of which each has read the session before any has written it. */
export async function afterAllHaveRead<Answer>(
  { hold }: HeldSite,
  requests: (() => Promise<Answer>)[],
): Promise<Answer[]> {
  const reads = requests.map(() => hold("read", "after"));
  const answers = Promise.all(requests.map((request) => request()));
  await Promise.all(reads.map(({ arrived }) => arrived));
  for (const { release } of reads) release();
  return answers;
}

/**
 * Clicks twice, in a browser without JavaScript: while the first request still waits for its session, the browser hangs up on it and
 * sends the second, whose answer it takes.
 */
export async function doubleClick(button: Locator, { hold, hungUp }: HeldSite): Promise<void> {
  const first = hold("read");
  const left = hungUp();
  const click = await mouseOver(button);
  await click();
  await first.arrived;
  await click();
  await left;
  first.release();
}
