/**
 * A worker over D1 and over Durable Objects. It runs the store contract, calls a store for a test outside, and is a site that counts
 * visits: /d1/contract, /d1/stores/3/read, /d1/site/3; /two/d1/site/3 is the same site by another worker. Stores of different
 * numbers share no session.
 */
import type { Store } from "coatcheck";
import { d1Store } from "coatcheck/d1";
import { withSession } from "coatcheck/fetch";
import { type StoreUnderTest, type TestStoreOptions, testStore } from "coatcheck/testing";
import { collectedTests } from "../../instruments/collected-tests.ts";

interface Environment {
  readonly DB: D1Database;
  /** The other of the two workers. */
  readonly OTHER: Fetcher;
}

/** One of the places where a worker can keep sessions. */
interface Place {
  /** The store of a number. Its sessions are seen by every worker. */
  open(number: number): Store & { createTable?(): Promise<void> };
  peek(number: number, id: string): Promise<string>;
  readonly without: NonNullable<TestStoreOptions["without"]>;
}

const places: Record<string, (environment: Environment) => Place> = {
  d1: ({ DB }) => ({
    open: (number) => d1Store({ database: DB, table: `sessions_${number}` }),
    async peek(number, id) {
      const sql = `SELECT concat_ws(' ', data, user_id, moved_to) AS found FROM sessions_${number} WHERE id = ?`;
      return (await DB.prepare(sql).bind(id).first<string>("found")) ?? "";
    },
    without: [],
  }),
};

let numbers = 1000;

async function contract(name: string, place: Place) {
  const { describe, it, run } = collectedTests();
  async function makeStore(): Promise<StoreUnderTest> {
    const number = numbers++;
    const store = place.open(number);
    await store.createTable?.();
    return { store, elsewhere: place.open(number), peek: (id) => place.peek(number, id) };
  }
  testStore(name, makeStore, { describe, it, without: place.without });
  return await run();
}

/** Calls a verb of a store; the arguments but the call itself are in the body. */
async function callVerb(store: Store, verb: string, request: Request) {
  const { given, now } = (await request.json()) as { given: unknown[]; now: number };
  const run = store[verb as keyof Store] as (...given: unknown[]) => Promise<unknown>;
  return Response.json({ answer: await run(...given, { signal: request.signal, now }) });
}

type Serve = (request: Request) => Promise<Response>;

/** What this worker serves, by the path. As in any application, a site has one `Sessions`. */
const served = new Map<string, Serve>();

async function serverOf(place: Place, what: string, number: number): Promise<Serve> {
  const store = place.open(number);
  await store.createTable?.();
  if (what === "stores") {
    return (request) => callVerb(store, new URL(request.url).pathname.split("/")[4] ?? "", request);
  }
  return withSession({ store }, (_request, session) =>
    Response.json(session.update("visits", (visits = 0) => visits + 1)),
  );
}

export default {
  async fetch(request: Request, environment: Environment, context: ExecutionContext): Promise<Response> {
    const url = new URL(request.url);
    const [, name = "", what = "", number] = url.pathname.split("/");
    if (name === "two")
      return environment.OTHER.fetch(new Request(new URL(url.pathname.slice(4), url), request));
    const place = places[name]?.(environment);
    if (place === undefined) return new Response("no such place", { status: 404 });
    if (what === "contract") return Response.json(await contract(name, place));
    const key = `${name}/${what}/${number}`;
    let serve = served.get(key);
    if (serve === undefined) {
      serve = await serverOf(place, what, Number(number));
      served.set(key, serve);
    }
    const response = serve(request);
    context.waitUntil(response);
    return response;
  },
};
