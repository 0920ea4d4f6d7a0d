// What the project wants to reach. The bench prints each aim beside what was measured.
import type { Name } from "./serving.ts";

/** An aim for a read, and for a write. */
export interface ReadAndWrite {
  readonly read: number;
  readonly write: number;
}

const both = (most: number): ReadAndWrite => ({ read: most, write: most });

/** Without sockets: the microseconds of CPU that a session may add to a request. */
export const addedAlone: Partial<Record<Name, ReadAndWrite>> = {
  "coatcheck memory": { read: 5, write: 8 },
  "coatcheck SQLite in memory": { read: 8, write: 15 },
  "coatcheck Redis, made up": { read: 8, write: 12 },
  "coatcheck PostgreSQL, made up": { read: 15, write: 35 },
  "coatcheck memory, Fastify": { read: 8, write: 11 },
};

/** With sockets: the part of what the peer's session adds that ours may add. */
export const partOfPeer: Partial<Record<Name, Partial<Record<Name, ReadAndWrite>>>> = {
  "coatcheck memory": { "express-session MemoryStore": both(1 / 8) },
  "coatcheck SQLite": { "better-sqlite3-session-store": both(1 / 15) },
  "coatcheck Redis": { "connect-redis": both(1 / 4) },
  "coatcheck PostgreSQL": { "connect-pg-simple": both(1 / 6) },
  "coatcheck memory, Fastify": { "@fastify/session": both(1 / 4) },
  "coatcheck encrypted cookie": { "iron-session": both(1 / 4) },
  "coatcheck encrypted cookie, Fastify": { "@fastify/secure-session": both(1) },
  "drop-in memory": { "express-session MemoryStore": both(1 / 2) },
  "drop-in Redis": { "connect-redis": both(1 / 2) },
  "drop-in PostgreSQL": { "connect-pg-simple": both(1 / 2) },
};

/** Contenders that are to answer at least as many requests a second as their peer. */
export const asManyAsPeer: readonly Name[] = ["drop-in memory", "drop-in Redis", "drop-in PostgreSQL"];

/** With 512 connections: the 99th percentile of a write may be so many times the peer's. */
export const P99_OF_PEER = 1;

/** One request at a time: the median time of a write may be so many times that of the framework alone. */
export const P50_OVER_BARE = 2;

/** Bytes that memoryStore may take for a session, beside its data. */
export const HEAP = 250;

/** The most round trips that each use may take. */
export const roundTrips: Readonly<Record<string, number>> = { read: 1, write: 2, login: 2, logout: 2 };
export const lazyRoundTrips: Readonly<Record<string, number>> = { "not used": 0, logout: 1 };
