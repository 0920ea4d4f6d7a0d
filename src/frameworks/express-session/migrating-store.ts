/**
 * Two stores as one, while the visitors move from the one to the other. A session is read from `to`. Where it is not there, it
 * is read from `from`, and stored in `to` before any handler sees it. A note in `to` then says that this session has moved, so
 * that it is never read from `from` again, whatever ends it.
 */
import { createHash } from "node:crypto";
import type { Store as OurStore } from "../../contract/store.ts";
import { SettingsError } from "../../errors.ts";
import { isStore } from "../../settings/mistaken-options.ts";
import { PerKeyQueue } from "../../stores/calls/per-key-queue.ts";
import type { Callback, ConnectStore, PlainSession, Session } from "./contract.ts";
import { Cookie } from "./cookie.ts";
import { OverOurs } from "./over-ours.ts";
import { type CallableStore, callBack, PromisedStore } from "./promised.ts";
import { Store } from "./store.ts";

export interface MigratingStoreOptions {
  /** The store that holds the sessions so far: a connect store, or one of coatcheck. */
  readonly from: CallableStore | OurStore;
  /** The store to which they move: one of coatcheck, or a connect store. */
  readonly to: CallableStore | OurStore;
}

/** Makes a connect store of what the options name. */
type Open = (store: CallableStore | OurStore) => ConnectStore;

/** The longest that browsers keep a cookie, milliseconds: for a session that does not say when it ends. */
const LONGEST_LIFE = 400 * 24 * 60 * 60 * 1000;

/** A note that is not the mover's own. */
const BY_ANOTHER = "byAnother";

const overUsualCookie: Open = (store) =>
  isStore(store) ? new OverOurs(store as OurStore, new Cookie(), {}) : (store as ConnectStore);

export class MigratingStore extends Store {
  readonly #options: MigratingStoreOptions;
  readonly #from: PromisedStore;
  readonly #to: PromisedStore;
  readonly #target: ConnectStore;
  /** Moves and ends of one session happen one after the other within this process. */
  readonly #queue = new PerKeyQueue();

  /** Throws SettingsError for a value that is no store. */
  constructor(options: MigratingStoreOptions, open: Open = overUsualCookie) {
    super();
    for (const name of ["from", "to"] as const) {
      if (Object(options?.[name]) !== options?.[name])
        throw new SettingsError(name, "a store for express-session, or one of coatcheck");
    }
    this.#options = options;
    const from = open(options.from);
    this.#target = open(options.to);
    this.#from = new PromisedStore(from, "from");
    this.#to = new PromisedStore(this.#target, "to");
    if (typeof this.#target.touch === "function") {
      // Named first (docs/decisions.md, "No function is written where a property gets it").
      const touch: ConnectStore["touch"] = (id, session, done) => this.#target.touch?.(id, session, done);
      this.touch = touch;
    }
    for (const event of ["connect", "disconnect"]) {
      this.#target.on?.(event, () => this.emit(event));
    }
  }

  /** The same with both stores opened by the middleware, which knows the usual cookie. */
  openedBy(open: Open): MigratingStore {
    return new MigratingStore(this.#options, open);
  }

  /** Whether sessions are kept in a store of coatcheck. */
  get isOverOurs(): boolean {
    return this.#target instanceof OverOurs;
  }

  /** As in a store of coatcheck; a connect store cannot tell. */
  hasEnded(session: object): boolean {
    return this.#target instanceof OverOurs && this.#target.hasEnded(session);
  }

  override get(id: string, done: Callback<PlainSession | null>): void {
    callBack(this.#get(id), done);
  }

  override set(id: string, session: Session | PlainSession, done?: Callback): void {
    this.#target.set(id, session, done);
  }

  override destroy(id: string, done?: Callback): void {
    callBack(
      this.#queue.run(id, () => this.#destroy(id)),
      done,
    );
  }

  /** By the store that has read the session, which may remember what it has read. */
  override createSession(request: object, found: PlainSession): Session {
    return typeof this.#target.createSession === "function"
      ? this.#target.createSession(request, found)
      : Store.prototype.createSession.call(this, request, found);
  }

  async #get(id: string): Promise<PlainSession | null> {
    return (await this.#to.get(id)) ?? this.#queue.run(id, () => this.#moved(id));
  }

  /** The session that is not in `to`, after its move; null where there is none. */
  async #moved(id: string): Promise<PlainSession | null> {
    if ((await this.#to.get(this.#noteId(id))) === null) {
      const found = await this.#from.get(id);
      if (found !== null) return this.#move(id, found);
    }
    // Another process may have moved it since the first look.
    return this.#to.get(id);
  }

  async #move(id: string, found: PlainSession): Promise<PlainSession | null> {
    const noteId = this.#noteId(id);
    const ends = endOf(found);
    if (!(await this.#create(id, found))) {
      // Another process has just moved it. Its note may not be there yet, and our handler may end the session.
      await this.#create(noteId, noteUntil(ends, { [BY_ANOTHER]: true }));
      return this.#to.get(id);
    }
    if (await this.#create(noteId, noteUntil(ends))) return found;
    const note = await this.#to.get(noteId);
    if (note?.[BY_ANOTHER] === true) {
      await this.#to.set(noteId, noteUntil(ends));
      return found;
    }
    // Another process moved it, and it has ended there since we read `from`: it stays ended.
    await this.#to.destroy(id);
    return null;
  }

  async #destroy(id: string): Promise<void> {
    const found = await this.#from.get(id);
    // Before the session goes: a process that has read it from `from` finds the note then, and does not bring it back.
    if (found !== null) await this.#to.set(this.#noteId(id), noteUntil(endOf(found)));
    await Promise.all([this.#to.destroy(id), this.#from.destroy(id)]);
  }

  /** Stores a session of which there must be none yet. A connect store cannot do this in one step. */
  async #create(id: string, session: PlainSession): Promise<boolean> {
    const target = this.#target;
    if (target instanceof OverOurs) {
      return new Promise((resolve, reject) => {
        target.create(id, session, (error, isNew) => (error ? reject(error) : resolve(isNew === true)));
      });
    }
    if ((await this.#to.get(id)) !== null) return false;
    await this.#to.set(id, session);
    return true;
  }

  /** The id of the note. A store of coatcheck hashes every id; a connect store must not get one that a cookie could carry. */
  #noteId(id: string): string {
    const text = `moved${id}`;
    return this.isOverOurs ? text : createHash("sha256").update(text).digest("hex");
  }
}

/** The end of a session, epoch milliseconds. */
function endOf({ cookie }: PlainSession): number {
  const end = new Date(cookie?.expires ?? Number.NaN).valueOf();
  if (Number.isFinite(end)) return end;
  const age = typeof cookie?.maxAge === "number" ? cookie.maxAge : LONGEST_LIFE;
  return Date.now() + age;
}

/** A note, as a session without a user. It must not end before the session that it is about. */
function noteUntil(ends: number, data: Record<string, unknown> = {}): PlainSession {
  const expires = new Date(ends);
  const maxAge = Math.max(0, ends - Date.now());
  return { cookie: { path: "/", httpOnly: true, originalMaxAge: maxAge, maxAge, expires }, ...data };
}
