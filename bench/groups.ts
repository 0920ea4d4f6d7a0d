// Which contenders are measured together. Those of one group run at the same time and get their bursts in turn.
import type { CaseName } from "./cases.ts";
import type { Name } from "./serving.ts";

export interface Entry {
  readonly contender: Name;
  readonly use: CaseName;
  /** The aim: at most this many times the processor time of the bare framework. */
  readonly atMost?: number;
  /** The peer it is compared with. The aim: at least this many times the peer's requests per second; 0 = no aim. */
  readonly peers?: Readonly<Partial<Record<Name, number>>>;
  /** The aim: the session's processor time, that over the bare framework, is at most this part of the peer's. */
  readonly shareAtMost?: number;
}

export interface Group {
  readonly title: string;
  /** The framework alone, with which all others are compared. */
  readonly bare?: Name;
  /** Groups with an aim get all the pairs, the rest a few. */
  readonly pairs: "all" | "few";
  readonly entries: readonly Entry[];
}

/** A contender of coatcheck beside its peer, reading and writing. */
function beside(
  contender: Name,
  peer: Name,
  toReach: Partial<Record<"read" | "write", { atMost?: number; atLeast?: number }>> = {},
  uses: readonly CaseName[] = ["read", "write"],
): Entry[] {
  return uses.flatMap((use) => {
    const { atMost, atLeast = 0 } = toReach[use as "read"] ?? {};
    return [
      { contender, use, peers: { [peer]: atLeast }, ...(atMost && { atMost }) },
      { contender: peer, use },
    ];
  });
}

/** The drop-in beside express-session with the peer's own store. */
const dropIn = (contender: Name, peer: Name): Entry[] =>
  beside(contender, peer, { read: { atLeast: 1 }, write: { atLeast: 1 } }).map((entry) =>
    entry.peers === undefined ? entry : { ...entry, shareAtMost: 0.5 },
  );

const besideMemoryStore: CaseName[] = [
  "login",
  "95 % reads",
  "read, 4 kB",
  "write, 4 kB",
  "read, 32 kB",
  "write, 32 kB",
  "write, one session, 1 at a time",
  "write, one session, 32 at once",
];

export const groups: readonly Group[] = [
  {
    title: "Express, memory",
    bare: "Express",
    pairs: "all",
    entries: [
      { contender: "Express again", use: "not used" },
      { contender: "Express, a turn later", use: "not used" },
      { contender: "coatcheck memory, lazy", use: "not used", atMost: 1.03 },
      ...beside("coatcheck memory", "express-session MemoryStore", {
        read: { atMost: 1.15, atLeast: 2.5 },
        write: { atMost: 1.25, atLeast: 2.5 },
      }),
    ],
  },
  {
    title: "Express, Redis and PostgreSQL",
    bare: "Express",
    pairs: "all",
    entries: [
      ...beside("coatcheck Redis", "connect-redis", {
        read: { atMost: 1.15, atLeast: 2.5 },
        write: { atMost: 1.35, atLeast: 2.5 },
      }),
      ...beside("coatcheck PostgreSQL", "connect-pg-simple", {
        read: { atMost: 1.25, atLeast: 6 },
        write: { atMost: 1.6, atLeast: 4 },
      }),
    ],
  },
  {
    title: "The drop-in for express-session",
    bare: "Express",
    pairs: "all",
    entries: [
      ...dropIn("drop-in memory", "express-session MemoryStore"),
      ...dropIn("drop-in Redis", "connect-redis"),
      ...dropIn("drop-in PostgreSQL", "connect-pg-simple"),
    ],
  },
  {
    title: "Express, SQLite and encrypted cookies",
    bare: "Express",
    pairs: "all",
    entries: [
      ...beside("coatcheck SQLite", "better-sqlite3-session-store", { read: { atMost: 1.2, atLeast: 2 } }, [
        "read",
      ]),
      {
        contender: "coatcheck SQLite",
        use: "write",
        atMost: 1.35,
        peers: { "better-sqlite3-session-store": 2, "Django, SQLite": 10 },
      },
      { contender: "better-sqlite3-session-store", use: "write" },
      { contender: "Django, SQLite", use: "write" },
      ...beside("coatcheck encrypted cookie", "iron-session", {
        read: { atMost: 1.6, atLeast: 5 },
        write: { atMost: 2, atLeast: 5 },
      }),
    ],
  },
  {
    title: "Fastify, memory",
    bare: "Fastify",
    pairs: "all",
    entries: beside(
      "coatcheck memory, Fastify",
      "@fastify/session",
      { read: { atMost: 1.3, atLeast: 2.5 } },
      ["read"],
    ),
  },

  {
    title: "Fastify, the rest",
    bare: "Fastify",
    pairs: "few",
    entries: [
      ...beside("coatcheck memory, Fastify", "@fastify/session", {}, ["write"]),
      ...beside("coatcheck encrypted cookie, Fastify", "@fastify/secure-session"),
    ],
  },
  { title: "Koa", bare: "Koa", pairs: "few", entries: beside("coatcheck memory, Koa", "koa-session") },
  { title: "Hono", bare: "Hono", pairs: "few", entries: beside("coatcheck memory, Hono", "@hono/session") },
  {
    title: "Express, other stores and settings",
    bare: "Express",
    pairs: "few",
    entries: [
      ...beside("coatcheck memory", "memorystore"),
      ...beside("coatcheck Redis", "connect-redis with touch", {}, ["read"]),
      ...beside("coatcheck PostgreSQL", "connect-pg-simple with touch", {}, ["read"]),
      ...beside("coatcheck Redis", "Django, Redis", {}, ["write"]),
    ],
  },
  {
    title: "Express, memory: other cases",
    pairs: "few",
    entries: beside("coatcheck memory", "express-session MemoryStore", {}, besideMemoryStore),
  },
];
