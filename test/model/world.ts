/** Two processes, one store, three browsers, and everything that was promised to them. Each write of the store is checked here. */

import { createHash } from "node:crypto";
import { createSessions, type Sessions, type StoredRecord, type StoreId } from "coatcheck";
import type { Program } from "./program.ts";
import { Shelf, type Write } from "./shelf.ts";
import {
  Conflict,
  canonical,
  type Data,
  join,
  logOf,
  made,
  parts,
  type Save,
  signatures,
} from "./specification.ts";
import { VirtualTime } from "./virtual-time.ts";

/** The engine did something that the specification forbids. */
export class Violation extends Error {}

const NOON = Date.UTC(2031, 4, 6, 12);

export const idOf = (key: string) => createHash("sha256").update(key).digest("hex") as StoreId;

/** The thief has the cookies of browser 0. */
export const familyOf = (browser: number) => (browser === 1 ? "1" : "0");

/** A response that brought a cookie. */
export interface Bringer {
  /** The number of the process. */
  readonly at: number;
  /** The calls that the store had done when its commit began. */
  readonly committedAt: number;
  /** Whether the key is the one with which the request came. */
  readonly isRenewal: boolean;
}

export interface Cookie {
  readonly key: string;
  readonly by: Bringer;
}

/** A save and the request that makes it, as far as the store's part needs to know. */
export interface Known {
  readonly save: Save;
  readonly family: string;
  /** The ids of the session that the request works on. */
  readonly ids: ReadonlySet<StoreId>;
  /** Whether the request signs a user in. */
  readonly hasLogin: boolean;
}

export class World {
  readonly program: Program;
  readonly time: VirtualTime;
  readonly shelf: Shelf;
  readonly processes: readonly Sessions[];
  readonly jars: (Cookie | null)[] = [null, null, null];
  readonly saves = new Map<string, Known>();
  /** The step at which each tag was stored first. */
  readonly stored = new Map<string, number>();
  /** The ids whose keys browsers got, each with those browsers and the first response that brought it. */
  readonly announced = new Map<StoreId, { readonly by: Bringer; readonly to: Set<number> }>();
  /** The data that the requests with a login had when they saved. */
  readonly loginViews: Data[] = [];
  /** The ids that `save()` stored for requests whose commit failed then, and whose error response failed too. */
  readonly unannounced = new Set<StoreId>();
  /** What happened, for a reader of a failed schedule. */
  readonly story: string[] = [];
  #broken: Violation | null = null;

  constructor(program: Program, seed: number) {
    this.program = program;
    this.time = new VirtualTime(seed);
    this.shelf = new Shelf(program.storeVersions ?? false, (write) => this.#wrote(write));
    const { absoluteTimeout, cookieAge, idleTimeout, saveEveryRequest, maxUserSessions } = program;
    this.processes = program.processes.map(({ onConflict, ...options }) =>
      createSessions({
        store: this.shelf.store,
        clock: () => this.now,
        clearExpiredEvery: 0,
        absoluteTimeout,
        cookieAge,
        idleTimeout,
        saveEveryRequest,
        maxUserSessions,
        onConflict: onConflict === "join" ? join : onConflict,
        ...options,
      }),
    );
  }

  /** Epoch milliseconds. */
  get now(): number {
    return NOON + Math.floor(this.time.now);
  }

  check(isSo: boolean, what: string): void {
    if (!isSo) this.#broken ??= new Violation(what);
  }

  throwIfBroken(): void {
    if (this.#broken !== null) throw this.#broken;
  }

  /** The record under which a session lives on; null where it has ended. */
  live(id: StoreId): StoredRecord | null {
    return this.shelf.record(this.shelf.last(id), this.now);
  }

  #wrote({ id, from, before, after }: Write): void {
    const { dictionary, extras } = parts(after.data);
    const way = from === id ? id.slice(0, 4) : `${from?.slice(0, 4) ?? "new"} → ${id.slice(0, 4)}`;
    this.story.push(`${this.shelf.step} stored ${way} ${after.userId} ${after.data}`);
    const log = logOf(dictionary);
    this.check(new Set(log).size === log.length, `a save is stored twice: ${log}`);
    for (const tag of log) {
      const { state } = this.saves.get(tag)?.save ?? { state: "never made" };
      this.check(
        !["never made", "dropped", "refused"].includes(state),
        `a save is stored that was ${state}: ${tag}`,
      );
      if (!this.stored.has(tag)) this.stored.set(tag, this.shelf.step);
    }
    const { undone } = extras as { undone?: { userId: string | null } };
    this.check(
      undone === undefined || after.userId === null,
      "a change of key was taken back, and its login was not",
    );
    const owner = undone === undefined ? after.userId : undone.userId;
    this.checkSeen(dictionary, owner, "a record holds");
    if (before === null) this.#checkCreated(dictionary, log, after);
    else if (undone !== undefined && parts(before.data).extras.undone === undefined)
      this.#checkUndone(id, dictionary);
    else this.#checkMade(parts(before.data).dictionary, dictionary);
    if (before !== null && undone === undefined && before.userId !== after.userId)
      this.check(from !== id, "the user of a session has changed, and its key has not");
    const { absoluteTimeout = Number.POSITIVE_INFINITY } = this.program;
    const absoluteEnd = (after.authenticatedAt ?? after.createdAt) + absoluteTimeout * 1000;
    this.check(after.expiresAt <= absoluteEnd, "a record outlives the absolute timeout");
  }

  /**
   * Nobody sees another's: data are of one browser, of `user` and of anonymous times. A handler keeps what it saw before (`seen`)
   * and what it wrote itself, also where its session has ended.
   */
  checkSeen(data: Data, user: string | null, who: string, seen?: ReadonlySet<string>): void {
    let family: string | undefined;
    for (const signature of signatures(data)) {
      family ??= signature.family;
      this.check(signature.family === family, `${who} data of two browsers`);
      if (seen?.has(signature.text)) continue;
      const isOwn = signature.user === "anon" || signature.user === user;
      this.check(isOwn, `${who} data of ${signature.user}, and the user is ${user}`);
    }
  }

  /** One after the other: the record is what the saves that were added make of the one before. */
  #checkMade(before: Data, after: Data): void {
    const old = logOf(before);
    const log = logOf(after);
    const isContinued = old.every((tag, place) => log[place] === tag);
    const isCleared = this.saves.get(log[0] ?? "")?.save.changes.isCleared === true;
    this.check(isContinued || isCleared, `a stored save is lost: the log was ${old} and is ${log}`);
    const added = isContinued ? log.slice(old.length) : log;
    const expected = this.#madeOf(before, added);
    this.check(
      expected !== null && canonical(expected) === canonical(after),
      `[${added}] make ${expected && canonical(expected)} of ${canonical(before)}, and stored is ${canonical(after)}`,
    );
  }

  /** null where the saves conflict, and one had to fail. */
  #madeOf(start: Data, tags: readonly string[], as?: Save["onConflict"]): Data | null {
    try {
      return tags.reduce((data, tag) => {
        const { save } = this.saves.get(tag) as Known;
        return made(data, as === undefined ? save : { ...save, onConflict: as });
      }, start);
    } catch (error) {
      if (error instanceof Conflict) return null;
      throw error;
    }
  }

  /**
   * A new session begins empty. Only a login that finds its session moved may begin with the data that its request had read, or,
   * where the moved session is of the same user or its move was taken back, with what is there; and only while that session lives.
   */
  #checkCreated(after: Data, log: readonly string[], { userId }: StoredRecord): void {
    const tag = log.at(-1) ?? "";
    const own = this.stored.get(tag) === this.shelf.step ? this.saves.get(tag) : undefined;
    const fits = (start: Data, as?: Save["onConflict"]) => {
      const expected = this.#madeOf(start, own === undefined ? [] : [tag], as);
      return expected !== null && canonical(expected) === canonical(after);
    };
    if (fits({}, "mine")) return;
    // Without a tag the request is not known, and the session may be any.
    const moved = [...(own?.ids ?? this.announced.keys())].filter(
      (id) => (this.shelf.deletedAt(id) ?? Number.POSITIVE_INFINITY) >= (own?.save.begunAt ?? 0),
    );
    const isTakenAlong =
      (moved.length > 0 &&
        (own === undefined ? this.loginViews : [own.save.base]).some((view) => fits(view))) ||
      moved.some((id) =>
        this.shelf.versions(this.shelf.last(id)).some(({ data }) => fits(parts(data).dictionary)),
      );
    this.check(
      userId !== null && own?.hasLogin !== false && isTakenAlong,
      `a new session holds what its request has not put there: ${canonical(after)}`,
    );
  }

  /** A change of key that is taken back leaves the data as they were; only saves that were answered with an error may go. */
  #checkUndone(id: StoreId, after: Data): void {
    const log = logOf(after);
    const earlier = this.shelf
      .versions(id)
      .slice(0, -1)
      .map(({ data }) => parts(data).dictionary);
    this.check(
      earlier.some((data) => canonical(data) === canonical(after)),
      "a change of key was taken back to data that never were",
    );
    for (const tag of logOf(earlier.at(-1) ?? {})) {
      const state = this.saves.get(tag)?.save.state;
      this.check(log.includes(tag) || state !== "stored", `an acknowledged save was taken back: ${tag}`);
    }
  }
}
