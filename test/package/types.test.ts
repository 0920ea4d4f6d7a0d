/** The types of the package as npm publishes it, by the compilers and beside the packages that applications have. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { entryPoints } from "../../scripts/entry-points.ts";
import { type Compiler, compile, compilers, newApplication } from "./application.ts";

let application: string;

beforeAll(async () => {
  application = await newApplication();
}, 300_000);

afterAll(() => rmSync(application, { recursive: true }));

const versions = Object.keys(compilers) as Compiler[];
const entries = entryPoints().map(({ publicName }) => publicName);

const declaration = `declare module "coatcheck" { interface SessionData { num_visits: number; nickname?: string } }`;

/** Compiles only where declared keys are known, and other keys refused. */
const use = (session: string) => `
  const visits: number = ${session}.get("num_visits", 0);
  ${session}.set("nickname", "Ada");
  // @ts-expect-error not declared
  ${session}.get("num_visit");
`;

const onExpress = (body: string, before = "") => `
import express from "express";
import { session } from "coatcheck/express";
${before}
const app = express();
app.use(session());
app.get("/", (req, res) => {${body}});
`;

describe.each(versions)("%s", { timeout: 60_000 }, (compiler) => {
  test("keys declared beside an import of coatcheck/express alone are those of req.session", async () => {
    const files = { "app.ts": onExpress(use("req.session"), declaration) };
    expect(await compile(application, compiler, { files, options: { skipLibCheck: false } })).toBe("");
  });

  test("keys declared in a .d.ts that is a module are known", async () => {
    const files = { "app.ts": onExpress(use("req.session")), "keys.d.ts": `export {};\n${declaration}` };
    expect(await compile(application, compiler, { files, options: { skipLibCheck: true } })).toBe("");
  });

  test("req.session is coatcheck's where express-session's types are in the program too", async () => {
    const files = { "app.ts": onExpress(use("req.session"), declaration) };
    const options = { types: ["node", "express-session"], skipLibCheck: true };
    expect(await compile(application, compiler, { files, options })).toBe("");
  });

  test("request.session is coatcheck's where it is imported before @fastify/session", async () => {
    const app = `
import fastify from "fastify";
import { session } from "coatcheck/fastify";
import "@fastify/session";
${declaration}
const app = fastify();
app.register(session);
app.get("/", async (request) => {${use("request.session")}});
`;
    expect(
      await compile(application, compiler, { files: { "app.ts": app }, options: { skipLibCheck: true } }),
    ).toBe("");
  });

  test("a library's SessionOf is satisfied by sessions that have its keys", async () => {
    const app = `
import { createSessions, memoryStore, type Session, type SessionOf } from "coatcheck";
import { withSession } from "coatcheck/fetch";
interface Keys { flash: string[]; theme: "dark" | "light"; seen?: number }
const library = (session: SessionOf<Keys>) => session.update("seen", (n = 0) => n + session.get("flash", []).length);
const narrower = (session: SessionOf<Keys>, other: (session: SessionOf<{ flash: string[] }>) => void) => other(session);
library({} as Session);
library({} as Session<Keys & { cart: number[] }>);
// @ts-expect-error
library({} as Session<{ flash: string[] }>);
const sessions = createSessions<Keys>({ store: memoryStore() });
withSession(sessions, (_request, session) => new Response(session.get("theme", "dark") + library(session)));
export { narrower };
`;
    expect(await compile(application, compiler, { files: { "app.ts": app } })).toBe("");
  });
});

describe("keys can be declared beside an import of one entry alone", { timeout: 60_000 }, () => {
  test.each(entries)("%s", async (entry) => {
    const files = {
      "app.ts": `import type * as entry from "${entry}";\n${declaration}\nexport type { entry };`,
    };
    expect(await compile(application, "TypeScript 7", { files, options: { skipLibCheck: true } })).toBe("");
  });
});
