import type { Options, Session, Store } from "coatcheck";
import { onTestFinished } from "vitest";
import { STORE_TIMEOUT } from "../instruments/deadline.ts";
import { type HeldStore, heldStore } from "../instruments/held-store.ts";

/** What a request does with its session; a number is the status of the response, default 200. */
// biome-ignore lint/suspicious/noConfusingVoidType: most handlers return nothing.
export type Handler = (session: Session) => Promise<number | void> | number | void;

export interface Answer {
  readonly status: number;
  /** The whole Set-Cookie header, or null. */
  readonly setCookie: string | null;
  /** The name of the error in the response, or null. */
  readonly error: string | null;
}

export interface Sent {
  /** Resolves when the handler is done and the commit has begun. */
  readonly handled: Promise<void>;
  readonly answer: Promise<Answer>;
}

/** A server whose handlers are functions of the test. `cookie` is what the browser sends, `sessionid=…` or null. */
export interface Server {
  send(cookie: string | null, handler: Handler): Sent;
  close(): Promise<void>;
}

export type MakeServer = (options: Options & { store: Store }) => Promise<Server>;
/** Runs a function when the test has ended. */
export type AtEnd = (run: () => Promise<void> | void) => void;
export type MakeStore = (atEnd: AtEnd) => Promise<Store> | Store;

export interface Seen {
  readonly isStored: boolean;
  readonly user: string | null;
  readonly data: Record<string, unknown>;
}

/** Two servers over one store, as two processes of a site would be; tests hold up the calls of that store. */
export class Race {
  readonly store: HeldStore;
  readonly here: Server;
  readonly there: Server;

  constructor(store: HeldStore, here: Server, there: Server) {
    this.store = store;
    this.here = here;
    this.there = there;
  }

  /** The cookie of a browser whose session holds this. */
  async visitor(data: Record<string, unknown> = {}, user: string | null = null): Promise<string> {
    const { answer } = this.here.send(null, async (session) => {
      await session.load();
      session.assign(data);
      if (user !== null) session.login(user);
    });
    const cookie = jar(null, [await answer]);
    if (cookie === null) throw new Error("The first visit brought no cookie.");
    return cookie;
  }

  /** What a request with this cookie finds. */
  async look(cookie: string | null): Promise<Seen> {
    let seen: Seen | undefined;
    await this.here.send(cookie, async (session) => {
      await session.load();
      seen = { isStored: session.handle !== null, user: session.userId, data: session.toObject() };
    }).answer;
    if (seen === undefined) throw new Error("The handler did not run.");
    return seen;
  }

  /** Looks with the cookie of a browser that had `cookie` and then got these two answers, in either order: both looks must agree. */
  async lookAfter(cookie: string | null, one: Answer, other: Answer): Promise<Seen[]> {
    return [await this.look(jar(cookie, [one, other])), await this.look(jar(cookie, [other, one]))];
  }
}

export type Start = (options?: Omit<Options, "store">) => Promise<Race>;

/** Returns a function that starts a race over servers and stores of one kind, and ends it with the test. */
export function starter(makeServer: MakeServer, makeStore: MakeStore): Start {
  return async (options = {}) => {
    const inner = await makeStore(onTestFinished);
    const store = heldStore(inner);
    const withStore = { storeTimeout: STORE_TIMEOUT, ...options, store: store.store };
    const [here, there] = [await makeServer(withStore), await makeServer(withStore)];
    onTestFinished(async () => {
      await Promise.all([here.close(), there.close()]);
      await inner.close?.();
    });
    return new Race(store, here, there);
  };
}

/** The browser's cookie after these answers, in the order in which they came. */
export function jar(cookie: string | null, answers: readonly Answer[]): string | null {
  for (const { setCookie } of answers) {
    if (setCookie === null) continue;
    cookie = /; *Max-Age=0\b/i.test(setCookie) ? null : (setCookie.split(";")[0] as string);
  }
  return cookie;
}

/** What a request sees if its cookie leads to no session. */
export const nobody: Seen = { isStored: false, user: null, data: {} };
