// Which contenders are measured together. Those of one group run at the same time and get their bursts in turn.
import type { CaseName } from "./cases.ts";
import type { Runner } from "./rounds.ts";
import type { Name } from "./serving.ts";

/** A contender of coatcheck beside its peers. */
export interface Entry {
  readonly contender: Name;
  readonly peers: readonly Name[];
  readonly uses: readonly CaseName[];
}

export interface Group {
  readonly title: string;
  /** The framework alone, and the framework a turn later. All others are compared with both. */
  readonly bases: readonly Runner[];
  /** Bursts that each contender gets after each start. */
  readonly bursts: number;
  readonly entries: readonly Entry[];
}

const beside = (
  contender: Name,
  peers: readonly Name[],
  uses: readonly CaseName[] = ["read", "write"],
): Entry => ({ contender, peers, uses });

const basesOf = (framework: "Express" | "Fastify" | "Koa" | "Hono"): Runner[] => [
  { contender: framework, use: "not used" },
  { contender: `${framework}, a turn later`, use: "not used" },
];

export const groups: readonly Group[] = [
  {
    title: "Express, memory",
    bases: basesOf("Express"),
    bursts: 2,
    entries: [
      beside("Express again", [], ["not used"]),
      beside("coatcheck memory, lazy", [], ["not used"]),
      beside("coatcheck memory", ["express-session MemoryStore"]),
    ],
  },
  {
    title: "Express, Redis",
    bases: basesOf("Express"),
    bursts: 2,
    entries: [beside("coatcheck Redis", ["connect-redis"]), beside("Redis by hand", ["connect-redis"])],
  },
  {
    title: "Express, PostgreSQL",
    bases: basesOf("Express"),
    bursts: 2,
    entries: [beside("coatcheck PostgreSQL", ["connect-pg-simple"])],
  },
  {
    title: "Express, SQLite",
    bases: basesOf("Express"),
    bursts: 2,
    entries: [beside("coatcheck SQLite", ["better-sqlite3-session-store"])],
  },
  {
    title: "Express, encrypted cookie",
    bases: basesOf("Express"),
    bursts: 2,
    entries: [beside("coatcheck encrypted cookie", ["iron-session"])],
  },
  {
    title: "Fastify",
    bases: basesOf("Fastify"),
    bursts: 2,
    entries: [
      beside("coatcheck memory, Fastify", ["@fastify/session"]),
      beside("coatcheck encrypted cookie, Fastify", ["@fastify/secure-session"]),
    ],
  },
  {
    title: "The drop-in for express-session",
    bases: basesOf("Express"),
    bursts: 1,
    entries: [
      beside("drop-in memory", ["express-session MemoryStore"]),
      beside("drop-in Redis", ["connect-redis"]),
      beside("drop-in PostgreSQL", ["connect-pg-simple"]),
    ],
  },
  {
    title: "Koa",
    bases: basesOf("Koa"),
    bursts: 1,
    entries: [beside("coatcheck memory, Koa", ["koa-session"])],
  },
  {
    title: "Hono",
    bases: basesOf("Hono"),
    bursts: 1,
    entries: [beside("coatcheck memory, Hono", ["@hono/session"])],
  },
  {
    title: "Express, other peers",
    bases: basesOf("Express"),
    bursts: 1,
    entries: [
      beside("coatcheck memory", ["memorystore"], ["write"]),
      beside("coatcheck Redis", ["connect-redis with touch"], ["read"]),
      beside("coatcheck PostgreSQL", ["connect-pg-simple with touch"], ["read"]),
      beside("coatcheck SQLite", ["Django, SQLite"], ["write"]),
      beside("coatcheck Redis", ["Django, Redis"], ["write"]),
    ],
  },
  {
    title: "Express, memory: other cases",
    bases: basesOf("Express"),
    bursts: 1,
    entries: [
      beside(
        "coatcheck memory",
        ["express-session MemoryStore"],
        ["login", "write, 4 kB", "write, one session, 32 at once"],
      ),
    ],
  },
  {
    title: "One request at a time",
    bases: [{ contender: "Express", use: "not used, one at a time" }],
    bursts: 1,
    entries: [beside("coatcheck memory", ["express-session MemoryStore"], ["write, one at a time"])],
  },
  {
    title: "512 connections",
    bases: [],
    bursts: 1,
    entries: [
      beside("coatcheck memory", ["express-session MemoryStore"], ["write, 512 connections"]),
      beside("coatcheck Redis", ["connect-redis"], ["write, 512 connections"]),
    ],
  },
  {
    title: "Large sessions",
    bases: [],
    bursts: 1,
    entries: [
      beside(
        "coatcheck memory",
        ["express-session MemoryStore"],
        ["write, 32 kB", "read, 1 MB", "write, 1 MB"],
      ),
    ],
  },
];

/** All that run in a group, each once: the bases first. */
export function runnersOf({ bases, entries }: Group): Runner[] {
  const all = [...bases];
  for (const { contender, peers, uses } of entries)
    for (const use of uses)
      for (const one of [contender, ...peers])
        if (!all.some((runner) => runner.contender === one && runner.use === use))
          all.push({ contender: one, use });
  return all;
}
