/** The applications that the recipes of docs/recipes.md make. */
import { recipeFiles } from "../recipes/recipe-files.ts";
import type { Application } from "./application.ts";

/** A request that a visitor makes. */
export interface Ask {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body of a POST. Default none: the request is a GET. */
  readonly body?: string;
}

export interface Site extends Application {
  readonly name: string;
  /** Answers with the user and the number of visits. */
  readonly home: Ask;
  readonly login: Ask;
  readonly logout: Ask;
  /** Whether a login is answered by a redirect to the home page, as that of a form is; else by 200. */
  readonly redirects: boolean;
  /** The paths of other requests that sign in, and are answered by what the framework throws or returns, with that status. */
  readonly signingIn: readonly (readonly [path: string, status: number])[];
  /** The path of a request that signs in and fails with 500; null where the framework answers that with 200. */
  readonly broken: string | null;
  /** The environment of a server that browsers reach on plain http. */
  readonly onPlainHttp?: (port: number) => Readonly<Record<string, string>>;
  /** What such a server must be told by each request. */
  readonly plainHeaders?: Readonly<Record<string, string>>;
  /** The environment of a server behind a proxy that speaks https. */
  readonly behindProxy?: Readonly<Record<string, string>>;
}

/** The files of a recipe, and the sessions that it imports from the given path. */
function withSessions(recipe: string, path: string): Map<string, string> {
  return recipeFiles(recipe).set(path, recipeFiles("Recipes").get("sessions.ts") as string);
}

const form = (path: string): Ask => ({
  path,
  headers: { "Content-Type": "application/x-www-form-urlencoded" },
  body: "",
});

const json = (path: string, body: object): Ask => ({
  path,
  headers: { "Content-Type": "application/json", Accept: "application/json" },
  body: JSON.stringify(body),
});

/** A site of pages and forms. */
const pages = {
  home: { path: "/" },
  login: form("/login"),
  logout: form("/logout"),
  redirects: true,
  broken: "/broken",
};

const graphql = (path: string) => ({
  home: json(path, { query: "{ visit }" }),
  login: json(path, { query: "mutation { signIn }" }),
  logout: json(path, { query: "mutation { signOut }" }),
  redirects: false,
  signingIn: [],
  broken: null,
});

const reactRouter = {
  ...pages,
  files: withSessions("React Router", "app/sessions.ts"),
  serve: () => ["node_modules/@react-router/serve/bin.cjs", "build/server/index.js"],
  login: form("/?index"),
  signingIn: [
    ["/missing", 404],
    ["/guarded", 302],
    ["/guarded.data", 202],
  ],
} as const;

const svelteKit = {
  ...pages,
  files: withSessions("SvelteKit", "src/sessions.ts"),
  serve: () => ["build"],
  login: form("/?/login"),
  behindProxy: { PROTOCOL_HEADER: "x-forwarded-proto" },
  signingIn: [
    ["/missing", 404],
    ["/guarded", 303],
    ["/guarded/__data.json", 200],
  ],
} as const;

/** In SvelteKit 2 the type of the hook is exported elsewhere. */
function forSvelteKit2(files: ReadonlyMap<string, string>): Map<string, string> {
  return new Map(
    [...files].map(([path, code]) => [path, code.replace("@sveltejs/kit/hooks", "@sveltejs/kit")]),
  );
}

export const sites: readonly Site[] = [
  { ...reactRouter, name: "React Router 8", starters: ["react-router"] },
  {
    ...reactRouter,
    name: "React Router 7",
    starters: ["react-router", "react-router-7"],
    serve: () => ["node_modules/@react-router/serve/bin.js", "build/server/index.js"],
  },
  {
    ...svelteKit,
    name: "SvelteKit 3",
    starters: ["sveltekit"],
    // Without paths.origin at the build, the proxy's header is the only place where this release looks.
    onPlainHttp: () => svelteKit.behindProxy,
    plainHeaders: { "X-Forwarded-Proto": "http" },
  },
  {
    ...svelteKit,
    name: "SvelteKit 2",
    starters: ["sveltekit", "sveltekit-2"],
    files: forSvelteKit2(svelteKit.files),
    onPlainHttp: (port) => ({ ORIGIN: `http://127.0.0.1:${port}` }),
  },
  {
    ...pages,
    name: "Astro",
    starters: ["astro"],
    files: withSessions("Astro", "src/sessions.ts"),
    serve: () => ["dist/server/entry.mjs"],
    signingIn: [
      ["/missing", 404],
      ["/guarded", 302],
    ],
  },
  {
    ...pages,
    name: "Nuxt",
    starters: ["nuxt"],
    files: withSessions("Nuxt", "server/sessions.ts"),
    serve: () => [".output/server/index.mjs"],
    login: form("/api/login"),
    signingIn: [
      ["/missing", 404],
      ["/guarded", 302],
    ],
  },
  {
    ...pages,
    name: "Nitro",
    starters: ["nitro"],
    files: withSessions("Nitro and h3", "sessions.ts"),
    serve: () => [".output/server/index.mjs"],
    signingIn: [
      ["/missing", 404],
      ["/guarded", 302],
    ],
  },
  {
    ...pages,
    name: "SolidStart",
    starters: ["solidstart"],
    files: withSessions("SolidStart", "src/sessions.ts"),
    serve: () => [".output/server/index.mjs"],
    signingIn: [
      ["/missing", 404],
      ["/guarded", 302],
    ],
  },
  {
    ...pages,
    name: "TanStack Start",
    starters: ["tanstack-start"],
    files: withSessions("TanStack Start", "src/sessions.ts"),
    serve: () => ["server.mjs"],
    signingIn: [
      ["/missing", 404],
      ["/guarded", 307],
    ],
  },
  {
    ...pages,
    name: "Elysia on Bun",
    starters: ["elysia"],
    files: withSessions("Elysia", "sessions.ts"),
    program: `node_modules/@oven/bun-${process.platform}-${process.arch === "arm64" ? "aarch64" : "x64"}/bin/bun`,
    serve: () => ["app.ts"],
    signingIn: [],
    broken: null,
  },
  {
    name: "tRPC",
    starters: ["apis"],
    files: withSessions("tRPC", "sessions.ts"),
    serve: () => ["serve.ts", "trpc"],
    home: { path: "/trpc/visit" },
    login: json("/trpc/signIn", {}),
    logout: json("/trpc/signOut", {}),
    redirects: false,
    signingIn: [],
    broken: null,
  },
  {
    ...graphql("/graphql"),
    name: "GraphQL Yoga",
    starters: ["apis"],
    files: withSessions("GraphQL Yoga", "sessions.ts"),
    serve: () => ["serve.ts", "yoga"],
  },
  {
    ...graphql("/graphql"),
    name: "Apollo Server",
    starters: ["apis"],
    files: withSessions("Apollo Server", "sessions.ts"),
    serve: () => ["serve.ts", "apollo"],
  },
  {
    ...pages,
    name: "NestJS on Express",
    starters: ["nestjs"],
    files: withSessions("Recipes", "src/sessions.ts"),
    serve: () => ["dist/on-express.js"],
    signingIn: [
      ["/missing", 404],
      ["/guarded", 302],
    ],
  },
  {
    ...pages,
    name: "NestJS on Fastify",
    starters: ["nestjs"],
    files: withSessions("Recipes", "src/sessions.ts"),
    serve: () => ["dist/on-fastify.js"],
    signingIn: [
      ["/missing", 404],
      ["/guarded", 302],
    ],
  },
];
