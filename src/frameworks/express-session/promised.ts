/** Connect stores give their answers to callbacks, and our code works with promises: the ways from one to the other. */
import { SettingsError } from "../../errors.ts";
import type { Callback, PlainSession } from "./contract.ts";

/** The part of a connect store that is called here; stores are typed in many ways. */
export interface CallableStore {
  // biome-ignore-start lint/suspicious/noExplicitAny: each store has types of its own for errors and sessions.
  get(id: string, done: (error?: any, found?: any) => void): unknown;
  set(id: string, session: any, done?: (error?: any) => void): unknown;
  destroy(id: string, done?: (error?: any) => void): unknown;
  touch?: ((id: string, session: any, done?: (error?: any) => void) => unknown) | undefined;
  // biome-ignore-end lint/suspicious/noExplicitAny: as above.
}

export class PromisedStore {
  readonly #store: CallableStore;

  /** Throws SettingsError, which names `option`, for a value that is no connect store. */
  constructor(store: CallableStore, option: string) {
    if (!(["get", "set", "destroy"] as const).every((method) => typeof store?.[method] === "function")) {
      throw new SettingsError(option, "a store for express-session, with get, set and destroy");
    }
    this.#store = store;
  }

  /** null where there is no such session. */
  async get(id: string): Promise<PlainSession | null> {
    try {
      const found = await called<PlainSession | null>((done) => this.#store.get(id, done)).answer;
      return found ?? null;
    } catch (error) {
      if ((error as { code?: unknown } | null)?.code === "ENOENT") return null;
      throw error;
    }
  }

  async set(id: string, session: object): Promise<void> {
    await called((done) => this.#store.set(id, session, done)).answer;
  }

  async destroy(id: string): Promise<void> {
    await called((done) => this.#store.destroy(id, done)).answer;
  }
}

/** A call of a connect store. */
export interface CalledStore<T> {
  /** Whether the store has called back at once, without an error. */
  readonly isDone: boolean;
  readonly answer: Promise<T | undefined>;
}

/** Calls a store. Stores of today return promises beside calling back, and some reject these instead. */
export function called<T>(run: (done: Callback<T>) => unknown): CalledStore<T> {
  let isDone = false;
  const { promise: answer, resolve, reject } = Promise.withResolvers<T | undefined>();
  const returned = run((error, value) => {
    if (error) return reject(error);
    isDone = true;
    resolve(value);
  }) as Partial<PromiseLike<unknown>> | undefined;
  if (typeof returned?.then === "function") returned.then(undefined, reject);
  return { isDone, answer };
}

/**
 * Gives the outcome of a store's work to its callback. What the callback throws is thrown where the process sees it, and is no
 * rejection of ours.
 */
export function callBack<T>(work: Promise<T>, done?: Callback<T>): void {
  if (done === undefined) {
    work.catch(() => {});
    return;
  }
  const call = (...result: Parameters<Callback<T>>) => {
    try {
      done(...result);
    } catch (thrown) {
      process.nextTick(() => {
        throw thrown;
      });
    }
  };
  work.then((value) => call(null, value), call);
}
