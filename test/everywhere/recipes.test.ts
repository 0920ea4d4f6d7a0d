/** The recipes of docs/recipes.md as whole applications, each built and served by its framework's own tool. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, Visitor } from "../instruments/visitor.ts";
import { recipeFiles } from "../recipes/recipe-files.ts";
import type { Started } from "../runtimes/start.ts";
import { type Application, built } from "./application.ts";

interface Site extends Application {
  readonly name: string;
  /** The path of the page that counts the visits. */
  readonly home: string;
  /** The path that a form is posted to, to sign in. */
  readonly login: string;
  /** The paths of other requests that sign in, and are answered by what the framework throws or returns, with that status. */
  readonly signingIn: readonly [path: string, status: number][];
}

/** The files of a recipe, and the sessions that it imports from the given path. */
function withSessions(recipe: string, path: string): ReadonlyMap<string, string> {
  return recipeFiles(recipe).set(path, recipeFiles("Recipes").get("sessions.ts") as string);
}

const sites: readonly Site[] = [
  {
    name: "React Router",
    starters: ["react-router"],
    files: withSessions("React Router", "app/sessions.ts"),
    serve: () => ["node_modules/@react-router/serve/bin.cjs", "build/server/index.js"],
    home: "/",
    login: "/?index",
    signingIn: [
      ["/missing", 404],
      ["/guarded", 302],
      ["/guarded.data", 202],
    ],
  },
  {
    name: "SvelteKit",
    starters: ["sveltekit"],
    files: withSessions("SvelteKit", "src/sessions.ts"),
    serve: () => ["build"],
    environment: { PROTOCOL_HEADER: "x-forwarded-proto" },
    home: "/",
    login: "/?/login",
    signingIn: [
      ["/missing", 404],
      ["/guarded", 303],
      ["/guarded/__data.json", 200],
    ],
  },
  {
    name: "Astro",
    starters: ["astro"],
    files: withSessions("Astro", "src/sessions.ts"),
    serve: () => ["dist/server/entry.mjs"],
    home: "/",
    login: "/login",
    signingIn: [
      ["/missing", 404],
      ["/guarded", 302],
    ],
  },
];

describe.each(sites)("$name", (site) => {
  let started: Started | undefined;
  beforeAll(async () => {
    started = await built(site);
  });
  afterAll(() => started?.stop());

  const newVisitor = () => new Visitor((started as Started).port);

  const headers = () => ({
    "X-Forwarded-Proto": "http",
    Origin: `http://127.0.0.1:${(started as Started).port}`,
    Accept: "text/html",
  });

  const look = (visitor: Visitor, path = site.home) => visitor.visit(path, { headers: headers() });

  /** Posts an empty form, as the browser does. */
  const post = (visitor: Visitor, path: string) =>
    visitor.visit(path, {
      method: "POST",
      headers: { ...headers(), "Content-Type": "application/x-www-form-urlencoded", "Content-Length": 0 },
    });

  const says = ({ body }: Answer) => /\w+, visit \d+/.exec(body)?.[0];

  test("a visitor comes back, and another visitor is another", async () => {
    const [ann, ben] = [newVisitor(), newVisitor()];
    const seen = [];
    for (const visitor of [ann, ann, ben, ann]) seen.push(says(await look(visitor)));
    expect(seen).toEqual(["null, visit 1", "null, visit 2", "null, visit 1", "null, visit 3"]);
  });

  test("a login is there when its redirect has been followed, and gone after the logout", async () => {
    const visitor = newVisitor();
    await look(visitor);
    const { cookie } = visitor;
    const { status, headers, setCookie } = await post(visitor, site.login);
    expect([status, headers.location, setCookie.length]).toEqual([
      expect.toSatisfy(isRedirectToGet),
      site.home,
      1,
    ]);
    expect(visitor.cookie).not.toBe(cookie);
    expect(says(await look(visitor))).toBe("ann, visit 2");
    await post(visitor, "/logout");
    expect(visitor.cookie).toBe(undefined);
    expect(says(await look(visitor))).toBe("null, visit 1");
  });

  test.each(site.signingIn)("a login is kept at %s, which is answered with %i", async (path, expected) => {
    const visitor = newVisitor();
    const { status, setCookie } = await look(visitor, path);
    expect([status, setCookie.length]).toEqual([expected, 1]);
    expect(says(await look(visitor))).toBe("ann, visit 1");
  });

  test("a login is not kept where the page fails", async () => {
    const visitor = newVisitor();
    const { status, setCookie } = await look(visitor, "/broken");
    expect([status, setCookie]).toEqual([500, []]);
  });
});

/** 302 and 303 make the browser GET the next page after a form; 307 and 308 would post the form again. */
const isRedirectToGet = (status: number) => status === 302 || status === 303;
