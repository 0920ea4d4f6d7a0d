/** Two servers of a site over one store, whose sessions are bound to devices; requests run functions of the test. */
import {
  createSessions,
  memoryStore,
  type Options,
  type Session,
  type Sessions,
  type Store,
} from "coatcheck";
import { onTestFinished } from "vitest";
import type { Adapter, Running } from "../frameworks/adapters/adapter.ts";
import { type BoundAnswer, BoundBrowser } from "../instruments/bound-browser.ts";
import { type HeldStore, heldStore } from "../instruments/held-store.ts";
import { MovedClock } from "../instruments/moved-clock.ts";

/** What a request does with its session; a number is the status of the response, default 200. */
// biome-ignore lint/suspicious/noConfusingVoidType: most handlers return nothing.
export type Act = (session: Session) => Promise<number | void> | number | void;

export class Site {
  readonly store: HeldStore;
  readonly clock = new MovedClock();
  readonly here: Running;
  readonly there: Running;
  readonly sessions: Sessions;
  readonly #acts: Act[];

  constructor(
    store: HeldStore,
    clock: MovedClock,
    [here, there]: readonly [Running, Running],
    sessions: Sessions,
    acts: Act[],
  ) {
    this.store = store;
    this.clock = clock;
    this.here = here;
    this.there = there;
    this.sessions = sessions;
    this.#acts = acts;
  }

  /** The path of a request that does this. */
  path(act: Act): string {
    return `/${this.#acts.push(act) - 1}`;
  }

  browser(): BoundBrowser {
    return new BoundBrowser(this.here.port, this.clock);
  }

  /** A browser in which the user has just signed in. It has an offer, and has not registered yet. */
  async signedIn(user = "ada"): Promise<BoundBrowser> {
    const browser = this.browser();
    await browser.visit(this.path((session) => session.login(user)));
    return browser;
  }

  /** A browser whose session is bound, and whose key is enforced. */
  async bound(user = "ada"): Promise<BoundBrowser> {
    const browser = await this.signedIn(user);
    await browser.register();
    await this.look(browser);
    this.clock.pass(31);
    return browser;
  }

  /** The user and the data that the next request of a browser finds. */
  async look(browser: BoundBrowser, { as = "visit" as "visit" | "ask" | "open" } = {}): Promise<Seen> {
    let seen: Seen | undefined;
    await browser[as](
      this.path((session) => {
        seen = { user: session.userId, isBound: session.isDeviceBound, data: session.toObject() };
      }),
    );
    if (seen === undefined) throw new Error("The handler did not run.");
    return seen;
  }

  /** A request that is under way: `arrived` when its handler has run. */
  send(
    browser: BoundBrowser,
    act: Act,
  ): { readonly handled: Promise<void>; readonly answer: Promise<BoundAnswer> } {
    const handled = Promise.withResolvers<void>();
    const path = this.path(async (session) => {
      const status = await act(session);
      handled.resolve();
      return status;
    });
    return { handled: handled.promise, answer: browser.ask(path) };
  }
}

export interface Seen {
  readonly user: string | null;
  readonly isBound: boolean;
  readonly data: Record<string, unknown>;
}

/** What a request finds whose session was refused, or is not there. */
export const stranger: Seen = { user: null, isBound: false, data: {} };

export type MakeStore = () => Promise<Store> | Store;
export type Start = (options?: Omit<Options, "store">) => Promise<Site>;

/** Returns a function that starts a site over servers and stores of one kind, and ends it with the test. */
export function starter(adapter: Adapter, makeStore: MakeStore = memoryStore): Start {
  return async (options = {}) => {
    const inner = await makeStore();
    const store = heldStore(inner);
    const clock = new MovedClock();
    const acts: Act[] = [];
    const sessions = () =>
      createSessions({ deviceBound: true, clock: clock.read, ...options, store: store.store });
    const serve = (one: Sessions) =>
      adapter.start({
        sessions: [one],
        trustProxy: true,
        async handler({ session, path }) {
          const act = acts[Number(path.slice(1))];
          return { status: act === undefined ? 404 : ((await act(session)) ?? 200), body: "" };
        },
      });
    const first = sessions();
    const [here, there] = [await serve(first), await serve(sessions())];
    onTestFinished(async () => {
      await Promise.all([here.close(), there.close()]);
      await inner.close?.();
    });
    return new Site(store, clock, [here, there], first, acts);
  };
}
