import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { createSessions } from "coatcheck";
import { createApp } from "./app.ts";
import { banner } from "./banner.ts";
import { type LibraryDatabase, openDatabase } from "./database/open.ts";
import { findDemoUsers } from "./queries/users.ts";
import { startSampling } from "./session/sampling.ts";
import { openSessionStore, type SessionStore } from "./session/store.ts";
import { Outages } from "./tour/outages.ts";

const HOST = "127.0.0.1";
const LAST_REQUESTS_MS = 250;
/** A further sign-in ends the session that is signed in longest. */
const MOST_DEVICES = 5;

const port = portFrom(process.env.PORT || "8000");
const databasePath = resolve(process.env.LIBRARY_DATABASE || join(import.meta.dirname, "../library.sqlite3"));

// As in Express, NODE_ENV=production says that the site has real visitors.
const isDemo = process.env.NODE_ENV !== "production";
const database = openOrRefuse(databasePath);
const sessionStore = await storeOrRefuse(process.env.SESSION_STORE);
const outages = new Outages();
const deviceBound = process.env.DEVICE_BOUND === "yes";
// Lazy, so that the catalog can be read while the store is away: see middleware/load-session.ts.
const sessions = createSessions({
  store: isDemo ? outages.around(sessionStore.store) : sessionStore.store,
  lazy: true,
  maxUserSessions: MOST_DEVICES,
  deviceBound,
});
const siteUrl = (): string =>
  process.env.SITE_URL || `http://localhost:${(server.address() as AddressInfo).port}`;
const isBehindProxy = process.env.BEHIND_PROXY === "yes";
const library = { database, sessions, sessionStore, isBehindProxy };
const server = createServer(createApp(isDemo ? { ...library, demo: { outages, siteUrl } } : library));

server.once("error", (error: NodeJS.ErrnoException) => {
  const why = error.code === "EADDRINUSE" ? "another program listens there" : error.message;
  refuseToStart(`port ${port} cannot be had (${why}). Set PORT to another, or to 0 for any free one.`);
});
server.listen(port, HOST, () => {
  const { port } = server.address() as AddressInfo;
  console.log(banner(port, findDemoUsers(database), databasePath, sessionStore.name));
  startSampling(database, sessions);
});

let stopping = false;
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    void stop();
  });
}

/** Gives running requests a moment to finish, then closes the connections, the sessions and the database. */
async function stop(): Promise<void> {
  const closed = once(server, "close");
  server.close();
  setTimeout(() => server.closeAllConnections(), LAST_REQUESTS_MS).unref();
  await closed;
  await sessions.close();
  database.$client.close();
  process.exit();
}

function portFrom(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (number <= 65_535) return number;
  return refuseToStart(`PORT is "${text}". Set it to a number from 1 to 65535, or to 0 for any free port.`);
}

function openOrRefuse(path: string): LibraryDatabase {
  try {
    return openDatabase(path);
  } catch (error) {
    return refuseToStart(
      `${path} is no database to work with (${error}). Set LIBRARY_DATABASE to another file.`,
    );
  }
}

async function storeOrRefuse(url: string | undefined): Promise<SessionStore> {
  try {
    return await openSessionStore(url, database);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return refuseToStart(
      `SESSION_STORE cannot be used (${why}). Set it to the URL of a store, or leave it out.`,
    );
  }
}

function refuseToStart(why: string): never {
  console.error(`LocalLibrary did not start: ${why}`);
  process.exit(1);
}
