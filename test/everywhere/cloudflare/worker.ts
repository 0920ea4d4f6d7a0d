/**
 * A worker over D1 and over Durable Objects. It runs the store contract, calls a store for a test outside, and is a site that counts
 * visits: /d1/contract, /d1/stores/3/read, /d1/site/3; /two/d1/site/3 is the same site by another worker. /shard/find/3 calls a
 * method of an object. Stores of different numbers share no session.
 */
import type { Store, StoredRecord, StoreId } from "coatcheck";
import { d1Store } from "coatcheck/d1";
import { durableObjectStore, SessionShard } from "coatcheck/durable-object";
import { withSession } from "coatcheck/fetch";
import { type StoreUnderTest, type TestStoreOptions, testStore } from "coatcheck/testing";
import { collectedTests } from "../../instruments/collected-tests.ts";

/** The object, with ways for the tests to look into it and to ring its alarm. */
export class TestedShard extends SessionShard {
  peek(id: string): string {
    return JSON.stringify([
      ...this.ctx.storage.sql.exec("SELECT data, user_id, moved_to FROM sessions WHERE id = ?", id),
      ...this.ctx.storage.sql.exec("SELECT * FROM moves WHERE id = ?", id),
    ]);
  }

  async ring(): Promise<number> {
    await this.alarm();
    return this.ctx.storage.sql.exec("SELECT 1 FROM sessions UNION ALL SELECT 1 FROM moves").toArray().length;
  }

  nextAlarm(): Promise<number | null> {
    return this.ctx.storage.getAlarm();
  }
}

interface Environment {
  readonly DB: D1Database;
  readonly SESSIONS: DurableObjectNamespace<TestedShard>;
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
  "durable-object": ({ SESSIONS }) => durableObjects(SESSIONS, 1),
  "durable-objects": ({ SESSIONS }) => durableObjects(SESSIONS, 3),
};

/** The binding as one of many, whose objects are none of another's. */
const namespaceOf = (sessions: Environment["SESSIONS"], number: number, shards: number) => ({
  idFromName: (name: string) => sessions.idFromName(`${shards} ${number} ${name}`),
  get: (id: DurableObjectId) => sessions.get(id),
});

const shardOf = (id: string, shards: number) => `sessions ${Number.parseInt(id.slice(0, 8), 16) % shards}`;

function durableObjects(sessions: Environment["SESSIONS"], shards: number): Place {
  return {
    open: (number) => durableObjectStore({ namespace: namespaceOf(sessions, number, shards), shards }),
    async peek(number, id) {
      const namespace = namespaceOf(sessions, number, shards);
      return await namespace.get(namespace.idFromName(shardOf(id, shards))).peek(id);
    },
    without: ["clearExpired"],
  };
}

/** Calls a method of the object that has the id, among three. */
async function callShard({ SESSIONS }: Environment, number: number, method: string, request: Request) {
  const namespace = namespaceOf(SESSIONS, number, 3);
  const given = (await request.json()) as [id: string, ...unknown[]];
  const shard = namespace.get(namespace.idFromName(shardOf(given[0], 3)));
  const run = shard[method as "find"] as unknown as (...given: unknown[]) => Promise<unknown>;
  return Response.json({ answer: await run(...given) });
}

/** Lists a user's sessions while one of them moves to an object that was asked before, from one that is asked afterwards. */
async function listWhileMoving({ SESSIONS }: Environment, number: number, request: Request) {
  const { from, to, record } = (await request.json()) as { from: StoreId; to: StoreId; record: StoredRecord };
  const namespace = namespaceOf(SESSIONS, number, 3);
  const call = () => ({ signal: request.signal, now: Date.now() });
  const store = durableObjectStore({ namespace, shards: 3 });
  await store.create(from, record, call());
  const moved = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const slow = durableObjectStore({
    shards: 3,
    namespace: {
      idFromName: namespace.idFromName,
      get(id: DurableObjectId) {
        const shard = namespace.get(id);
        const isOld = id.equals(namespace.idFromName(shardOf(from, 3)));
        const isNew = id.equals(namespace.idFromName(shardOf(to, 3)));
        return {
          find: (...given: Parameters<SessionShard["find"]>) => shard.find(...given),
          async listUser(...given: Parameters<SessionShard["listUser"]>) {
            if (isOld) await moved.promise;
            const page = await shard.listUser(...given);
            if (isNew) asked.resolve();
            return page;
          },
        };
      },
    },
  });
  const listing = slow.listUser("ann", call());
  await asked.promise;
  await store.rotate(from, to, { ...record, version: record.version + 1 }, record.version, call());
  moved.resolve();
  return Response.json({ answer: await listing });
}

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
    if (name === "shard") return callShard(environment, Number(number), what, request);
    if (name === "listing") return listWhileMoving(environment, Number(number), request);
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
