/** Two processes, one store, three browsers, and everything that was promised to them. Each write of the store is checked here. */

import { createHash } from "node:crypto";
import { createSessions, type Session, type Sessions, type StoredRecord, type StoreId } from "coatcheck";
import { BoundJar } from "./bound-jar.ts";
import type { Program } from "./program.ts";
import { Shelf, type Write } from "./shelf.ts";
import {
  Conflict,
  canonical,
  type Data,
  type Extras,
  join,
  logOf,
  made,
  orders,
  type Put,
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
  /** Epoch milliseconds; infinity until the browser closes. */
  readonly until: number;
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

/** A function of `once` that has begun. */
export interface Run extends Put {
  /** That of its request, and the id of it at the beginning. */
  readonly session: Session;
  readonly id: StoreId;
  readonly begunAt: number;
  isRunning: boolean;
  isStored: boolean;
}

/** Milliseconds: the default lease, without the time that the store may take to answer. */
const LEASE = 25_000;

export class World {
  readonly program: Program;
  readonly time: VirtualTime;
  readonly shelf: Shelf;
  readonly processes: readonly Sessions[];
  readonly jars: (Cookie | null)[] = [null, null, null];
  readonly boundJars = [0, 1, 2].map((browser) => new BoundJar(browser));
  readonly cookieName: string;
  readonly saves = new Map<string, Known>();
  /** The step at which each tag was stored first. */
  readonly stored = new Map<string, number>();
  /** The ids whose keys browsers got, each with those browsers and the first response that brought it. */
  readonly announced = new Map<StoreId, { readonly by: Bringer; readonly to: Set<number> }>();
  /** The data that the requests with a login had when they saved. */
  readonly loginViews: Data[] = [];
  /** The ids that `save()` stored for requests whose commit failed then, and whose error response failed too. */
  readonly unannounced = new Set<StoreId>();
  readonly runs: Run[] = [];
  /** What happened, for a reader of a failed schedule. */
  readonly story: string[] = [];
  #broken: Violation | null = null;

  constructor(program: Program, seed: number) {
    this.program = program;
    this.time = new VirtualTime(seed);
    this.shelf = new Shelf(program.storeVersions ?? false, (write) => this.#wrote(write));
    const { absoluteTimeout, deviceBound, maxUserSessions } = program;
    this.cookieName = deviceBound ? "__Host-sessionid" : "sessionid";
    this.processes = program.processes.map(({ onConflict, ...options }) =>
      createSessions({
        store: this.shelf.store,
        clock: () => this.now,
        clearExpiredEvery: 0,
        absoluteTimeout,
        maxUserSessions,
        deviceBound,
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

  /** The rules of devices are loaded with the first commit, in a time of the runtime's own. */
  async begin(): Promise<void> {
    if (!this.program.deviceBound) return;
    for (const sessions of this.processes)
      await sessions.commit(await sessions.open(null, { secure: true }), { status: 200 });
  }

  /** Whether a record was made by a change of key that was taken back. */
  isUndone({ data }: StoredRecord): boolean {
    return parts(data).extras.undone !== undefined;
  }

  #wrote({ id, from, before, after }: Write): void {
    const { dictionary, extras } = parts(after.data);
    const way = from === id ? id.slice(0, 4) : `${from?.slice(0, 4) ?? "new"} → ${id.slice(0, 4)}`;
    this.story.push(`${this.shelf.step} stored ${way} ${after.userId} ${after.data}`);
    const log = logOf(dictionary);
    const isTwice = (tag: string, place: number) =>
      log.indexOf(tag) !== place && this.saves.get(tag)?.save.isRepeated !== true;
    this.check(!log.some(isTwice), `a save is stored twice: ${log}`);
    for (const tag of log) {
      const { state } = this.saves.get(tag)?.save ?? { state: "never made" };
      this.check(
        !["never made", "dropped", "refused"].includes(state),
        `a save is stored that was ${state}: ${tag}`,
      );
      if (!this.stored.has(tag)) this.stored.set(tag, this.shelf.step);
    }
    const { undone } = extras;
    this.check(
      undone === undefined || after.userId === null,
      "a change of key was taken back, and its login was not",
    );
    const owner = undone === undefined ? after.userId : undone.userId;
    this.checkSeen(dictionary, owner, "a record holds");
    if (before === null) this.#checkCreated(dictionary, log, after);
    else if (undone !== undefined && parts(before.data).extras.undone === undefined)
      this.#checkUndone(id, dictionary);
    else this.#checkMade(parts(before.data), { dictionary, extras }, from as StoreId);
    if (before !== null && undone === undefined) {
      const isOther = before.userId !== after.userId;
      this.check(!isOther || from !== id, "the user of a session has changed, and its key has not");
      const { device } = parts(before.data).extras;
      this.check(
        device?.since === undefined || device.s === extras.device?.s,
        "a session has lost its device",
      );
    }
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

  /** A function of `once` begins. */
  beginRun(session: Session, key: string, value: unknown): Run {
    const id = session.handle as StoreId;
    const isOf = (run: Run) => run.key === key && this.shelf.last(run.id) === this.shelf.last(id);
    this.check(
      !this.runs.some((run) => run.isRunning && isOf(run) && run.begunAt + LEASE > this.now),
      `two functions of once run at the same time for ${key}`,
    );
    const run = { session, id, key, value, begunAt: this.now, isRunning: true, isStored: false };
    this.runs.push(run);
    return run;
  }

  /** One after the other: the record is what the saves and runs of `once` that were added make of the one before. */
  #checkMade(before: { dictionary: Data; extras: Extras }, after: typeof before, id: StoreId): void {
    const old = logOf(before.dictionary);
    const log = logOf(after.dictionary);
    const isContinued = old.every((tag, place) => log[place] === tag);
    const isCleared = this.saves.get(log[0] ?? "")?.save.changes.isCleared === true;
    this.check(isContinued || isCleared, `a stored save is lost: the log was ${old} and is ${log}`);
    const added = this.#savesOf(isContinued ? log.slice(old.length) : log);
    for (const runs of this.#newRuns(before.extras, after.extras, id)) {
      for (const order of orders(added, runs)) {
        const expected = this.#madeOf(before.dictionary, order);
        if (expected === null || canonical(expected) !== canonical(after.dictionary)) continue;
        for (const run of runs) run.isStored = true;
        return;
      }
    }
    const tags = added.map(({ tag }) => tag);
    const expected = this.#madeOf(before.dictionary, added);
    this.check(
      false,
      `[${tags}] make ${expected && canonical(expected)} of ${canonical(before.dictionary)}, and stored is ${canonical(after.dictionary)}`,
    );
  }

  /** The runs of `once` that a write may have stored, by the numbers in the record: each possibility is a list of one run for each key. */
  #newRuns({ once: old = {} }: Extras, { once = {} }: Extras, id: StoreId): Run[][] {
    let possible: Run[][] = [[]];
    for (const key of new Set([...Object.keys(old), ...Object.keys(once)])) {
      const [before, after] = [old[key] ?? { stored: 0 }, once[key] ?? { stored: 0 }];
      const added = after.stored - before.stored;
      // A session that its request has begun meanwhile goes on with the number of the one before.
      const isOther = old[key] === undefined && added > 1;
      this.check(
        added === 0 || added === 1 || isOther,
        `runs of once for ${key}: ${before.stored}, then ${after.stored}`,
      );
      const isTaken = after.lease !== undefined && after.lease.holder !== before.lease?.holder;
      this.check(
        !isTaken || (before.lease?.until ?? 0) <= this.now,
        `a request took the lease of ${key} from one that still runs`,
      );
      if (added === 0) continue;
      // The request may have begun another session meanwhile, by a login.
      const leadsHere = (from: StoreId | null) =>
        from !== null && this.shelf.last(from) === this.shelf.last(id);
      const fit = this.runs.filter(
        (run) =>
          run.key === key &&
          !run.isRunning &&
          !run.isStored &&
          (leadsHere(run.id) || leadsHere(run.session.handle as StoreId | null)),
      );
      possible = possible.flatMap((runs) => fit.map((run) => [...runs, run]));
    }
    return possible;
  }

  #savesOf(tags: readonly string[]): Save[] {
    return tags.map((tag) => (this.saves.get(tag) as Known).save);
  }

  /** null where the saves conflict, and one had to fail. */
  #madeOf(start: Data, steps: readonly (Save | Put)[], as?: Save["onConflict"]): Data | null {
    const isSave = (step: Save | Put): step is Save => "tag" in step;
    try {
      return steps.reduce(
        (data: Data, step) =>
          made(data, as !== undefined && isSave(step) ? { ...step, onConflict: as } : step),
        start,
      );
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
    const isNew = (tag: string) => this.stored.get(tag) === this.shelf.step;
    const fresh = log.filter(isNew);
    // Saves that are made again are of this request, or came along with the data that it takes along.
    const all = log.filter((tag) => isNew(tag) || this.saves.get(tag)?.save.isRepeated);
    this.check(
      this.#isCreatedBy(fresh, after, userId) || this.#isCreatedBy(all, after, userId),
      `a new session holds what its request has not put there: ${canonical(after)}`,
    );
  }

  /** Whether these saves of one request make a new session with this data. */
  #isCreatedBy(own: readonly string[], after: Data, userId: string | null): boolean {
    const last = this.saves.get(own.at(-1) ?? "");
    const fits = (start: Data, as?: Save["onConflict"]) => {
      const expected = this.#madeOf(start, this.#savesOf(own), as);
      return expected !== null && canonical(expected) === canonical(after);
    };
    if (fits({}, "mine")) return true;
    // Without a tag the request is not known, and the session may be any.
    const moved = [...(last?.ids ?? this.announced.keys())].filter(
      (id) => (this.shelf.deletedAt(id) ?? Number.POSITIVE_INFINITY) >= (last?.save.begunAt ?? 0),
    );
    const bases = last === undefined ? this.loginViews : this.#savesOf(own).map(({ base }) => base);
    const isTakenAlong =
      (moved.length > 0 &&
        (bases.some((view) => fits(view)) || canonical(last?.save.mine ?? {}) === canonical(after))) ||
      moved.some((id) =>
        this.shelf.versions(this.shelf.last(id)).some(({ data }) => fits(parts(data).dictionary)),
      );
    return userId !== null && last?.hasLogin !== false && isTakenAlong;
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
