/** The default store: sessions in this process, lost when it ends. */
import { warn } from "../../warn.ts";
import type { Callback, PlainSession, Session } from "./contract.ts";
import { Store } from "./store.ts";

export class MemoryStore extends Store {
  /** The sessions as JSON. */
  readonly sessions: Record<string, string> = Object.create(null);

  override get(id: string, done: Callback<PlainSession | null>): void {
    answer(done, this.#find(id));
  }

  override set(id: string, session: Session | PlainSession, done?: Callback): void {
    this.sessions[id] = JSON.stringify(session);
    answer(done);
  }

  override destroy(id: string, done?: Callback): void {
    delete this.sessions[id];
    answer(done);
  }

  override touch(id: string, session: Session | PlainSession, done?: Callback): void {
    const found = this.#find(id);
    if (found !== null) {
      found.cookie = (session as PlainSession).cookie;
      this.sessions[id] = JSON.stringify(found);
    }
    answer(done);
  }

  /** All live sessions by id. */
  all(done: Callback<Record<string, PlainSession>>): void {
    answer(done, this.#all());
  }

  length(done: Callback<number>): void {
    answer(done, Object.keys(this.#all()).length);
  }

  clear(done?: Callback): void {
    for (const id of Object.keys(this.sessions)) delete this.sessions[id];
    answer(done);
  }

  #all(): Record<string, PlainSession> {
    const all: Record<string, PlainSession> = Object.create(null);
    for (const id of Object.keys(this.sessions)) {
      const found = this.#find(id);
      if (found !== null) all[id] = found;
    }
    return all;
  }

  /** The live session; an expired one is removed. */
  #find(id: string): PlainSession | null {
    const text = this.sessions[id];
    if (text === undefined) return null;
    const found = JSON.parse(text) as PlainSession;
    const end = found.cookie?.expires;
    if (!end || new Date(end).valueOf() > Date.now()) return found;
    delete this.sessions[id];
    return null;
  }
}

/** Callbacks come in a later turn, as those of a server's store do. */
function answer<T>(done: Callback<T> | undefined, value?: T): void {
  if (done !== undefined) setImmediate(() => done(null, value));
}

/** Warns where the application runs in production and has named no store. */
export function warnInProduction(): void {
  if (process.env.NODE_ENV !== "production") return;
  warn(
    "COATCHECK_MEMORY_STORE",
    "session() was given no store, so sessions are kept in the memory of this process: they are lost when it ends, and no " +
      "other process sees them. Give a store that lasts, such as sqliteStore from coatcheck/sqlite.",
  );
}
