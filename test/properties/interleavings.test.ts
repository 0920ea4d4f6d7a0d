import { createSessions, type Session, type StoreId } from "coatcheck";
import fc, { type Scheduler } from "fast-check";
import { expect, test } from "vitest";
import { storeIdOf } from "../../src/cookie/key.ts";
import { canonical, copy } from "./json.ts";
import { Lineage } from "./lineage.ts";

type Data = Record<string, unknown>;
const START: Data = { a: 1, b: [1], c: { deep: [] }, n: 0, secret: "old" };

/** A browser with a stored session, and two processes that serve it. */
async function begin(scheduler: Scheduler) {
  const lineage = new Lineage(scheduler);
  const processes = [1, 2].map(() => createSessions({ store: lineage.store }));
  const [sessions] = processes;
  const first = await sessions?.open(null, { secure: false });
  if (sessions === undefined || first === undefined) throw new Error("no session to begin with");
  first.assign(copy(START));
  await scheduler.waitFor(sessions.commit(first, { status: 200 }));
  return { lineage, processes, cookie: `sessionid=${first.key}`, id: first.handle as StoreId };
}

/** Serves requests at once, their store calls in the order that the scheduler likes. */
async function race(scheduler: Scheduler, requests: (() => Promise<void>)[]): Promise<void> {
  await scheduler.waitFor(Promise.all(requests.map((serve) => serve())));
}

/*
 * 1. Serialisable: whatever the order of their store calls, the requests have the same result as in some order one after the other.
 */

type Updater = (current: unknown) => unknown;

/** The changes that a request had made when it saved, key by key: a replay must make the same. */
interface Saved {
  readonly isCleared: boolean;
  /** The functions given to `update`, or null where the final value counts. */
  readonly keys: ReadonlyMap<string, readonly Updater[] | null>;
  readonly view: Data;
}

/** Writes down the changes that are made to a session. */
class Account {
  readonly saved: Saved[] = [];
  readonly #session: Session;
  #isCleared = false;
  #keys = new Map<string, Updater[] | null>();

  constructor(session: Session) {
    this.#session = session;
  }

  final(key: string): void {
    this.#keys.set(key, null);
  }

  update(key: string, updater: Updater): void {
    this.#session.update(key, updater);
    const before = this.#keys.get(key);
    if (before === undefined) this.#keys.set(key, [updater]);
    else before?.push(updater);
  }

  clear(): void {
    this.#session.clear();
    this.#isCleared = true;
    this.#keys.clear();
  }

  save(): void {
    this.saved.push({
      isCleared: this.#isCleared,
      keys: this.#keys,
      view: copy(this.#session.toObject()),
    });
    this.#isCleared = false;
    this.#keys = new Map();
  }
}

function replayed(data: Data, { isCleared, keys, view }: Saved): Data {
  const result: Data = isCleared ? {} : copy(data);
  for (const [key, updaters] of keys) {
    const value =
      updaters === null ? view[key] : updaters.reduce((now, updater) => updater(now), result[key]);
    if (value === undefined) delete result[key];
    else result[key] = value;
  }
  return copy(result);
}

/** All results of doing these saves one after the other; each request's saves keep their order. */
function outcomes(
  data: Data,
  requests: readonly (readonly Saved[])[],
  seen = new Set<string>(),
): Set<string> {
  const results = new Set<string>();
  const state = canonical([data, requests.map((rest) => rest.length)]);
  if (seen.has(state)) return results;
  seen.add(state);
  if (requests.every((rest) => rest.length === 0)) results.add(canonical(data));
  for (const [index, [next, ...rest]] of requests.entries()) {
    if (next === undefined) continue;
    for (const result of outcomes(replayed(data, next), requests.with(index, rest), seen))
      results.add(result);
  }
  return results;
}

type Deed = (session: Session, account: Account, pending: Promise<unknown>[]) => Promise<void> | void;

const named = <T extends object>(name: string, deed: T): T =>
  Object.assign(deed, { [fc.toStringMethod]: () => name });
const name = fc.constantFrom("a", "b", "c", "n", "fresh");

const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.tuple(name, fc.nat(99)).map(([key, value]) =>
    named<Deed>(`set ${key} ${value}`, (session, account) => {
      session.set(key, value);
      account.final(key);
    }),
  ),
  fc.tuple(name, fc.nat(99)).map(([key, value]) =>
    named<Deed>(`assign ${key} ${value}`, (session, account) => {
      session.assign({ [key]: { value } });
      account.final(key);
    }),
  ),
  name.map((key) =>
    named<Deed>(`delete ${key}`, (session, account) => void (session.delete(key) && account.final(key))),
  ),
  name.map((key) =>
    named<Deed>(`pop ${key}`, (session, account) => {
      if (session.pop(key) !== undefined) account.final(key);
    }),
  ),
  name.map((key) =>
    named<Deed>(`push to ${key}`, (session, account) => {
      const value = session.get(key);
      const list = Array.isArray(value) ? value : value?.deep;
      if (!Array.isArray(list)) return;
      list.push(9);
      account.final(key);
    }),
  ),
  {
    weight: 4,
    arbitrary: fc.constant(
      named<Deed>("count", (_session, account) =>
        account.update("n", (n) => (typeof n === "number" ? n + 1 : 1)),
      ),
    ),
  },
  fc
    .tuple(name, fc.nat(99))
    .map(([key, value]) =>
      named<Deed>(`update ${key} by ${value}`, (_session, account) =>
        account.update(key, (now) => [...(Array.isArray(now) ? now : []), value]),
      ),
    ),
  fc.constant(named<Deed>("clear", (_session, account) => account.clear())),
  fc.constant(named<Deed>("cycleKey", (session) => session.cycleKey())),
  fc.constant(named<Deed>("setExpiry", (session) => session.setExpiry(600))),
  fc.constant(
    named<Deed>("save", async (session, account, pending) => {
      await Promise.all(pending);
      account.save();
      expect(await session.save()).toBe(true);
    }),
  ),
  fc.constant(named<Deed>("load", (session) => session.load())),
  fc.constant(
    named<Deed>("load without waiting", (session, _account, pending) => void pending.push(session.load())),
  ),
  fc.constant(
    named<Deed>("save without waiting", async (session, account, pending) => {
      await Promise.all(pending);
      account.save();
      pending.push(session.save());
    }),
  ),
);

const requests = <T>(deed: fc.Arbitrary<T>) =>
  fc.array(fc.record({ at: fc.nat(1), deeds: fc.array(deed, { maxLength: 5 }) }), {
    minLength: 2,
    maxLength: 4,
  });

test("requests at once come to the same as one after the other, key by key, whatever the order of their calls", async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), requests(deed), async (scheduler, requests) => {
      const { lineage, processes, cookie, id } = await begin(scheduler);
      const accounts: Account[] = [];
      await race(
        scheduler,
        requests.map(({ at, deeds }) => async () => {
          const sessions = processes[at] as (typeof processes)[number];
          const session = await sessions.open(cookie, { secure: false });
          // A request with the old key finds nothing after a rotation, and leaves nothing.
          const isLate = session.handle === null;
          const account = new Account(session);
          if (!isLate) accounts.push(account);
          const pending: Promise<unknown>[] = [];
          for (const deed of isLate ? [] : deeds) await deed(session, account, pending);
          account.save();
          await sessions.commit(session, { status: 200 });
        }),
      );
      const data = await lineage.data(id);
      const possible = outcomes(
        START,
        accounts.map(({ saved }) => saved),
      );
      expect([...possible]).toContain(canonical(data));
    }),
    { numRuns: 400 },
  );
});

/*
 * 2. No session comes back: with logins and logouts among the requests, what was ended stays ended, and nothing else is lost.
 */

interface Own {
  readonly name: string;
  /** The keys that this request alone wants stored, each with the session in which `save()` has stored it, or null. */
  readonly keys: Map<string, StoreId | null>;
  /** The sessions that it ended. */
  readonly ended: Set<StoreId>;
}

/** `came` is where the session of the cookie was stored. */
type Act = (session: Session, own: Own, came: StoreId) => Promise<unknown> | unknown;

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.nat(99).map((number) =>
      named<Act>(`set own ${number}`, (session, own) => {
        session.set(`${own.name}-${number}`, true);
        own.keys.set(`${own.name}-${number}`, null);
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(99).map((number) =>
      named<Act>(`update own ${number}`, (session, own) => {
        session.update(`${own.name}-${number}`, () => true);
        own.keys.set(`${own.name}-${number}`, null);
      }),
    ),
  },
  fc.constant(
    named<Act>("flush", (session, own, came) => {
      own.ended.add((session.handle as StoreId | null) ?? came);
      own.keys.clear();
      session.flush();
    }),
  ),
  fc.constantFrom("ada", "bob").map((user) =>
    named<Act>(`login ${user}`, (session, own, came) => {
      if (session.userId !== null && session.userId !== user) {
        own.ended.add((session.handle as StoreId | null) ?? came);
        own.keys.clear();
      }
      session.login(user);
    }),
  ),
  fc.constant(named<Act>("cycleKey", (session) => session.cycleKey())),
  fc.constant(named<Act>("setExpiry", (session) => session.setExpiry(600))),
  fc.constant(
    named<Act>("save", async (session, own, came) => {
      const isKept = await session.save();
      if (!isKept) own.keys.clear();
      for (const [key, at] of own.keys) own.keys.set(key, at ?? (session.handle as StoreId | null) ?? came);
    }),
  ),
);

test("no session that was flushed is ever readable again, and no key that was committed is lost otherwise", async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), requests(act), async (scheduler, requests) => {
      const { lineage, processes, cookie, id } = await begin(scheduler);
      const owns: (Own & { readonly at: StoreId | null; readonly answered: string | null })[] = [];
      await race(
        scheduler,
        requests.map(({ at, deeds }, number) => async () => {
          const sessions = processes[at] as (typeof processes)[number];
          const session = await sessions.open(cookie, { secure: false });
          const own: Own = { name: `request${number}`, keys: new Map(), ended: new Set() };
          for (const act of deeds) await act(session, own, id);
          const headers = new Headers(await sessions.commit(session, { status: 200 }));
          const answered = headers.get("Set-Cookie")?.split(";")[0] ?? null;
          owns.push({ ...own, at: session.handle as StoreId | null, answered });
        }),
      );
      for (const { keys, ended, at, answered } of owns) {
        for (const gone of ended) expect(await lineage.record(gone)).toBeNull();
        // If the response sends a cookie, it leads to the request's last session, or the request's own flush removed it.
        if (answered === "sessionid=") expect(ended.size).toBeGreaterThan(0);
        else if (answered !== null) expect(storeIdOf(answered.slice("sessionid=".length))).toBe(at);
        // Without a cookie the request came late, or found the session ended.
        if (at === null) continue;
        const data = await lineage.data(at);
        if (data === null) expect(lineage.wasDeleted(at)).toBe(true);
        for (const [key, savedAt] of data === null ? [] : keys) {
          const isEnded = savedAt !== null && lineage.wasDeleted(savedAt);
          expect(isEnded || key in (data ?? {})).toBe(true);
        }
      }
      if (owns.every(({ ended }) => ended.size === 0)) expect(await lineage.record(id)).not.toBeNull();
    }),
    { numRuns: 400 },
  );
});
