import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type Database from "better-sqlite3";
import { createSessions, memoryStore, type Options, type Sessions, type Store } from "coatcheck";
import { onTestFinished } from "vitest";
import { type HeldStore, heldStore } from "../instruments/held-store.ts";
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
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await sessions.close();
    database.$client.close();
  });
  const { port } = server.address() as AddressInfo;
  return { ...held, database: database.$client, sessions, url: `http://127.0.0.1:${port}` };
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
