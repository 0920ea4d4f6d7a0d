/** A connect store with promises in place of callbacks. */
import { SettingsError } from "../../errors.ts";
import type { PlainSession } from "./contract.ts";

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
      const found = await asked<PlainSession | null>((done) => this.#store.get(id, done));
      return found ?? null;
    } catch (error) {
      if ((error as { code?: unknown } | null)?.code === "ENOENT") return null;
      throw error;
    }
  }

  async set(id: string, session: object): Promise<void> {
    await asked((done) => this.#store.set(id, session, done));
  }

  async destroy(id: string): Promise<void> {
    await asked((done) => this.#store.destroy(id, done));
  }
}

/** Calls a store. A store of today may also return a promise, and reject that instead of calling back. */
function asked<T>(run: (done: (error?: unknown, value?: T) => void) => unknown): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const answer = run((error, value) => (error ? reject(error) : resolve(value)));
    if (typeof (answer as PromiseLike<unknown> | undefined)?.then === "function")
      (answer as PromiseLike<unknown>).then(undefined, reject);
  });
}
