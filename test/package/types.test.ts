/** The types of the package as npm publishes it, by the compilers and beside the packages that applications have. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { entryPoints } from "../../scripts/entry-points.ts";
import {
  type Compiler,
  compile,
  compilers,
  endCompilers,
  newApplication,
  type Program,
  write,
} from "./application.ts";

let application: string;

beforeAll(async () => {
  application = await newApplication();
}, 300_000);

const check = (compiler: Compiler, program: Program) =>
  compile(application, compiler, write(application, program));

/** Runs a JavaScript file of a program. */
function run(folder: string, file: string) {
  return execFileSync(process.execPath, [file], { cwd: folder, encoding: "utf8" });
}

afterAll(async () => {
  await endCompilers();
  rmSync(application, { recursive: true });
});

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
    expect(await check(compiler, { files, options: { skipLibCheck: false } })).toBe("");
  });

  test("keys declared in a .d.ts that is a module are known", async () => {
    const files = { "app.ts": onExpress(use("req.session")), "keys.d.ts": `export {};\n${declaration}` };
    expect(await check(compiler, { files, options: { skipLibCheck: true } })).toBe("");
  });

  test("req.session is coatcheck's where express-session's types are in the program too", async () => {
    const files = { "app.ts": onExpress(use("req.session"), declaration) };
    const options = { types: ["node", "express-session"], skipLibCheck: true };
    expect(await check(compiler, { files, options })).toBe("");
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
    expect(await check(compiler, { files: { "app.ts": app }, options: { skipLibCheck: true } })).toBe("");
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
    expect(await check(compiler, { files: { "app.ts": app } })).toBe("");
  });
});

describe("keys can be declared beside an import of one entry alone", { timeout: 60_000 }, () => {
  test.each(entries)("%s", async (entry) => {
    const files = {
      "app.ts": `import type * as entry from "${entry}";\n${declaration}\nexport type { entry };`,
    };
    expect(await check("TypeScript 7", { files, options: { skipLibCheck: true } })).toBe("");
  });
});

describe("in a project of CommonJS modules, as older starters make", { timeout: 60_000 }, () => {
  // One imports a module that only Cloudflare's runtime has, the other one of Next.js, which is not installed here.
  const elsewhere = ["coatcheck/durable-object", "coatcheck/next"];
  const onNode = entries.filter((entry) => !elsewhere.includes(entry));
  const names = onNode.map((entry, index) => `import * as entry${index} from "${entry}";`).join("\n");
  const uses = onNode.map((_, index) => `entry${index}`).join(", ");
  const files = {
    "app.ts": `${names}\nconsole.log([${uses}].map((entry) => Object.keys(entry).length > 0).join());`,
  };
  const options = { module: "commonjs", skipLibCheck: true, noEmit: false, outDir: "." };

  // Until TypeScript 5.9, `module: commonjs` ignores the package's exports, and finds entries by typesVersions.
  // Reports: nestjs/docs.nestjs.com#3093.
  test.each(versions)(
    "%s finds the types of every entry, and Node requires what it compiles",
    async (compiler) => {
      const folder = write(application, { files, options, type: "commonjs" });
      expect(await compile(application, compiler, folder)).toBe("");
      expect(run(folder, "app.js")).toBe(`${onNode.map(() => "true").join()}\n`);
    },
  );

  test.each(["TypeScript 5.9", "TypeScript 6", "TypeScript 7"] as const)(
    "%s finds them with `module: nodenext` too",
    async (compiler) => {
      const options = { module: "nodenext", skipLibCheck: true };
      expect(await check(compiler, { files, options, type: "commonjs" })).toBe("");
    },
  );

  test("keys declared there are known", async () => {
    const files = { "app.ts": onExpress(use("req.session"), declaration) };
    const folder = write(application, {
      files,
      options: { ...options, esModuleInterop: true },
      type: "commonjs",
    });
    expect(await compile(application, "TypeScript 5.4", folder)).toBe("");
  });
});

describe.each(["TypeScript 5.4", "TypeScript 7"] as const)(
  "coatcheck/express-session with %s",
  { timeout: 60_000 },
  (compiler) => {
    /** An application that is written as one for express-session, but for the name of the package. */
    const app = (before = "", body = "") => `
import express from "express";
import session, { connectStore, migratingStore, type SessionData, Store } from "coatcheck/express-session";
import { createSessions, memoryStore } from "coatcheck";
${before}
class Own extends Store {
  get(id: string, done: (error: any, found?: any) => void) { done(null, id); }
  set(id: string, found: any, done?: (error?: any) => void) { done?.(id + found); }
  destroy(id: string, done?: (error?: any) => void) { done?.(id); }
}
const app = express();
const options: session.SessionOptions = { secret: ["a"], resave: false, cookie: { maxAge: 1000, sameSite: "lax" } };
app.use(session(options));
app.use(session({ secret: "a", store: new Own() }));
app.use(session({ secret: "a", store: memoryStore(), failedSave: "error", clearExpiredEvery: 60 }));
app.use(session({ secret: "a", store: new session.MemoryStore(), reread: true }));
app.use(session({ secret: "a", store: migratingStore({ from: new Own(), to: memoryStore() }) }));
app.use(session({ secret: "a", store: migratingStore({ from: memoryStore(), to: new session.MemoryStore() }) }));
createSessions({ store: connectStore(new Own()) });
createSessions({ store: connectStore(new session.MemoryStore()) });
app.get("/", (req, res) => {
  const id: string = req.sessionID + req.session.id;
  req.session.cookie.maxAge = 5;
  req.session.regenerate((error) => req.session.save((again) => res.end(String(error ?? again ?? id))));
  ${body}
});
declare const data: Partial<SessionData>;
export { data };
`;
    const views = `const views: number | undefined = req.session.views;\n// @ts-expect-error\nreq.session.views = "many";`;
    const declared = (name: string) => `declare module "${name}" { interface SessionData { views: number } }`;
    // An application without the types of express-session cannot see those of this folder.
    const without = { paths: { "express-session": ["./nothing.d.ts"] } };
    const nothing = { "nothing.d.ts": "declare const nothing: any;\nexport = nothing;\n" };

    test("compiles where express-session's types are installed, with keys declared for either name", async () => {
      for (const name of ["coatcheck/express-session", "express-session"]) {
        const files = { "app.ts": app(declared(name), views) };
        expect(await check(compiler, { files, options: { skipLibCheck: true } })).toBe("");
      }
    });

    test("compiles where they are not", async () => {
      const files = { "app.ts": app(declared("coatcheck/express-session"), views), ...nothing };
      expect(await check(compiler, { files, options: { skipLibCheck: true, ...without } })).toBe("");
    });

    test("coatcheck/express declares req.session in a program that imports both, by the way of the docs", async () => {
      const files = {
        "app.ts": onExpress(use("req.session"), `import "coatcheck/express-session";\n${declaration}`),
        "types/nothing.d.ts": "export {};\n",
      };
      const options = { skipLibCheck: true, paths: { "express-session": ["./types/nothing.d.ts"] } };
      expect(await check(compiler, { files, options })).toBe("");
    });

    test("coatcheck/express alone compiles beside lingering types of express-session, by the way of the docs", async () => {
      const files = {
        "app.ts": onExpress(use("req.session"), declaration),
        "old.ts": `import type {} from "express-session";\nexport {};\n`,
        "types/nothing.d.ts": "export {};\n",
      };
      const options = { skipLibCheck: true, paths: { "express-session": ["./types/nothing.d.ts"] } };
      expect(await check(compiler, { files, options })).toBe("");
    });
  },
);

test("require of coatcheck/express-session is the function itself", () => {
  const files = {
    "app.js": `const session = require("coatcheck/express-session");
console.log(typeof session, typeof session.Store, session === session.default);`,
  };
  const folder = write(application, { files, type: "commonjs" });
  expect(run(folder, "app.js")).toBe("function function true\n");
});
