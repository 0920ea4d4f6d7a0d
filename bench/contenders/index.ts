import type { Contender } from "./contender.ts";

// Only the process that serves a contender loads it.
const express = () => import("./express.ts");
const ours = () => import("./coatcheck-express.ts");
const madeUp = () => import("./coatcheck-made-up.ts");
const dropIn = () => import("./coatcheck-drop-in.ts");
const expressSession = () => import("./express-session.ts");

/** All contenders, by the name that the tables show. */
export const contenders = {
  Express: { packages: ["express"], open: async (place) => (await express()).bare(place) },
  // The same framework again: shows what is measured between two that are equal.
  "Express again": { packages: ["express"], open: async (place) => (await express()).bare(place) },
  "Express, a turn later": { packages: ["express"], open: async (place) => (await express()).later(place) },
  "coatcheck memory": { packages: ["express"], open: async (place) => (await ours()).memory(place) },
  "coatcheck memory, lazy": {
    packages: ["express"],
    open: async (place) => (await ours()).lazyMemory(place),
  },
  "coatcheck SQLite": { packages: ["express"], open: async (place) => (await ours()).sqlite(place) },
  "coatcheck Redis": { packages: ["express", "redis"], open: async (place) => (await ours()).redis(place) },
  "coatcheck Redis, lazy": {
    packages: ["express", "redis"],
    open: async (place) => (await ours()).lazyRedis(place),
  },
  "coatcheck PostgreSQL": {
    packages: ["express", "pg"],
    open: async (place) => (await ours()).postgres(place),
  },
  "coatcheck PostgreSQL, lazy": {
    packages: ["express", "pg"],
    open: async (place) => (await ours()).lazyPostgres(place),
  },
  "coatcheck encrypted cookie": {
    packages: ["express"],
    open: async (place) => (await ours()).cookie(place),
  },
  "coatcheck SQLite in memory": {
    packages: ["express"],
    open: async (place) => (await madeUp()).sqlite(place),
  },
  "coatcheck Redis, made up": { packages: ["express"], open: async (place) => (await madeUp()).redis(place) },
  "coatcheck PostgreSQL, made up": {
    packages: ["express"],
    open: async (place) => (await madeUp()).postgres(place),
  },
  "Redis by hand": {
    packages: ["express", "redis"],
    open: async (place) => (await import("./by-hand.ts")).redis(place),
  },
  "drop-in memory": { packages: ["express"], open: async (place) => (await dropIn()).memory(place) },
  "drop-in Redis": { packages: ["express", "redis"], open: async (place) => (await dropIn()).redis(place) },
  "drop-in PostgreSQL": {
    packages: ["express", "pg"],
    open: async (place) => (await dropIn()).postgres(place),
  },
  "express-session MemoryStore": {
    packages: ["express", "express-session"],
    open: async (place) => (await expressSession()).memory(place),
  },
  memorystore: {
    packages: ["express", "express-session", "memorystore"],
    open: async (place) => (await expressSession()).memorystore(place),
  },
  "better-sqlite3-session-store": {
    packages: ["express", "express-session", "better-sqlite3-session-store", "better-sqlite3"],
    open: async (place) => (await expressSession()).sqlite(place),
  },
  "connect-redis": {
    packages: ["express", "express-session", "connect-redis", "redis"],
    open: async (place) => (await expressSession()).redis(place),
  },
  "connect-redis with touch": {
    packages: ["express", "express-session", "connect-redis", "redis"],
    open: async (place) => (await expressSession()).touchingRedis(place),
  },
  "connect-pg-simple": {
    packages: ["express", "express-session", "connect-pg-simple", "pg"],
    open: async (place) => (await expressSession()).postgres(place),
  },
  "connect-pg-simple with touch": {
    packages: ["express", "express-session", "connect-pg-simple", "pg"],
    open: async (place) => (await expressSession()).touchingPostgres(place),
  },
  "iron-session": {
    packages: ["express", "iron-session"],
    open: async (place) => (await import("./iron-session.ts")).ironSession(place),
  },

  Fastify: { packages: ["fastify"], open: async (place) => (await import("./fastify.ts")).bare(place) },
  "Fastify, a turn later": {
    packages: ["fastify"],
    open: async (place) => (await import("./fastify.ts")).later(place),
  },
  "coatcheck memory, Fastify": {
    packages: ["fastify"],
    open: async (place) => (await import("./coatcheck-fastify.ts")).memory(place),
  },
  "coatcheck encrypted cookie, Fastify": {
    packages: ["fastify"],
    open: async (place) => (await import("./coatcheck-fastify.ts")).cookie(place),
  },
  "@fastify/session": {
    packages: ["fastify", "@fastify/session", "@fastify/cookie"],
    open: async (place) => (await import("./fastify-session.ts")).fastifySession(place),
  },
  "@fastify/secure-session": {
    packages: ["fastify", "@fastify/secure-session"],
    open: async (place) => (await import("./fastify-secure-session.ts")).secureSession(place),
  },

  Koa: { packages: ["koa"], open: async (place) => (await import("./koa.ts")).bare(place) },
  "Koa, a turn later": {
    packages: ["koa"],
    open: async (place) => (await import("./koa.ts")).later(place),
  },
  "coatcheck memory, Koa": {
    packages: ["koa"],
    open: async (place) => (await import("./coatcheck-koa.ts")).memory(place),
  },
  "koa-session": {
    packages: ["koa", "koa-session"],
    open: async (place) => (await import("./koa-session.ts")).koaSession(place),
  },

  Hono: {
    packages: ["hono", "@hono/node-server"],
    open: async (place) => (await import("./hono.ts")).bare(place),
  },
  "Hono, a turn later": {
    packages: ["hono", "@hono/node-server"],
    open: async (place) => (await import("./hono.ts")).later(place),
  },
  "coatcheck memory, Hono": {
    packages: ["hono", "@hono/node-server"],
    open: async (place) => (await import("./coatcheck-hono.ts")).memory(place),
  },
  "@hono/session": {
    packages: ["hono", "@hono/node-server", "@hono/session"],
    open: async (place) => (await import("./hono-session.ts")).honoSession(place),
  },
} as const satisfies Record<string, Contender>;

export type ContenderName = keyof typeof contenders;
