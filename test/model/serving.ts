/** One request, from its cookie to its response. It writes down what it asks for, and checks what it is told. */

import {
  type Session,
  SessionCommittedError,
  SessionConflictError,
  SessionInterruptedError,
  type Sessions,
  type StoreId,
  StoreUnavailableError,
} from "coatcheck";
import { ENGINE } from "../../src/sessions.ts";
import type { Device } from "../instruments/device.ts";
import type { BoundJar } from "./bound-jar.ts";
import type { Deed, ProcessOptions, User, Visit } from "./program.ts";
import { Changes, canonical, copy, type Data, made, parts, type Save, signatures } from "./specification.ts";
import { type Bringer, familyOf, idOf, type Run, type World } from "./world.ts";

const EMPTY: Data = {};

/** Milliseconds, the default. */
const STORE_TIMEOUT = 5000;

export class Serving {
  readonly #world: World;
  readonly #visit: Visit;
  readonly #number: number;
  readonly #options: ProcessOptions;
  readonly #sessions: Sessions;
  readonly #family: string;
  /** Waits until the scheduler lets the handler go on. */
  readonly #pause: () => Promise<void>;
  #session!: Session;
  /** The changes since the last save, and the data that they were made on. */
  #changes = new Changes();
  #base: Data = EMPTY;
  /** The saves before that are not stored: they failed, or are under way. The next write makes them again first. */
  #saves: Save[] = [];
  #savesData = true;
  /** Saves and calls of `once` that are not awaited. */
  #asides: Promise<void>[] = [];
  /** Its session is there, and bound to a device that the request has not shown. */
  #isRefused = false;
  /** The bound cookie could not be renewed. */
  #isSkipped = false;
  /** The last error of `once`, which a session that has ended or moved is to every call of it. */
  #onceError: unknown = null;
  /** The handler goes on after a failed save, load or `once`. */
  #catches = false;
  /** The confirmations that the next write stores, epoch milliseconds. */
  #confirmedAt: number | null = null;
  /** The texts that were signed. */
  #count = 0;
  /** What the handler saw and wrote. */
  readonly #seen = new Set<string>();
  /** The ids of the session that the request works on. */
  readonly #ids = new Set<StoreId>();
  /** The time at which it came, and the session that it came to. */
  #openedAt = 0;
  #openedAs: StoreId | null = null;
  /** The ids at which `save()` has stored it. */
  readonly #savedAt = new Set<StoreId>();
  /** The user of a session that was found ended. */
  #formerUser: string | null = null;
  #hasLogin = false;
  /** A login, a confirmation or `cycleKey` is not stored yet. */
  #hasNewKey = false;
  /** A `save()` has told that the session has ended. */
  #hasEnded = false;
  /** It came with a key that had been changed before, and nothing of it is stored. */
  #isLate = false;
  /** The sessions that a logout, and a login of another user, have ended. */
  #loggedOut: StoreId[] = [];
  #replaced: StoreId[] = [];

  constructor(world: World, visit: Visit, number: number, pause: () => Promise<void>) {
    this.#world = world;
    this.#visit = visit;
    this.#number = number;
    this.#options = world.program.processes[visit.at];
    this.#sessions = world.processes[visit.at] as Sessions;
    this.#family = familyOf(visit.browser);
    this.#pause = pause;
  }

  async serve(): Promise<void> {
    const { jars } = this.#world;
    const { browser } = this.#visit;
    if (browser === 2) jars[2] ??= jars[0] ?? null;
    await this.#refreshDevice();
    const key = jars[browser]?.key ?? null;
    let { status } = this.#visit as { status: number };
    try {
      await this.#open(key);
    } catch (error) {
      this.#checkError(error, []);
      this.#tell("answered 503, not opened");
      return;
    }
    try {
      for (const deed of this.#visit.does) await this.#do(deed);
    } catch (error) {
      this.#checkError(error, [SessionConflictError, SessionInterruptedError]);
      ({ status } = error as { status: number });
      if (this.#options.lazy && status < 500) status = 500;
    }
    await this.#commit(status);
    await Promise.all(this.#asides);
    await this.#registerDevice();
  }

  #tell(what: string): void {
    this.#world.story.push(`${this.#world.shelf.step} request ${this.#number} ${what}`);
  }

  async #open(key: string | null): Promise<void> {
    const { shelf } = this.#world;
    const id = key === null ? null : idOf(key);
    this.#openedAt = this.#world.now;
    const before = id === null ? [] : shelf.versions(id).slice(-1);
    const seen = id === null ? 0 : shelf.versions(id).length;
    const wasLive = id !== null && shelf.record(id, this.#world.now) !== null;
    this.#tell(
      `begins in process ${this.#visit.at} with ${id?.slice(0, 4) ?? "no key"}: ${this.#visit.does}`,
    );
    const { deviceBound = false } = this.#world.program;
    const device = wasLive ? parts(before[0]?.data ?? "{}").extras.device : undefined;
    const isForeign = deviceBound && this.#boundJar.isForeign(device, this.#world.now);
    const isSkipped = this.#isSkipped;
    // Another request may renew the bound cookie meanwhile.
    const shown = this.#boundJar.cookie(this.#world.now);
    this.#session = await this.#sessions.open(this.#cookies(key), {
      secure: deviceBound,
      header: (name) => (name === "secure-session-skipped" && isSkipped ? "server_error" : null),
    });
    if (id !== null) this.#ids.add(id);
    const [first = ""] = this.#visit.does;
    if (this.#options.lazy && ["flush", "logout"].includes(first)) return;
    if (this.#options.lazy) await this.#session.load();
    const { handle, userId } = this.#session;
    const view = this.#view();
    this.#base = view;
    if (handle === null) {
      // A session that was refused may have moved meanwhile.
      this.#isLate = !isForeign && id !== null && shelf.hasMark(id, this.#world.now);
      const record = wasLive ? shelf.record(id as StoreId, this.#world.now) : null;
      this.#isRefused = isForeign || (deviceBound && record !== null);
      const isServed =
        record !== null &&
        (!deviceBound || this.#boundJar.fits(shown, parts(record.data).extras.device, this.#world.now));
      this.#world.check(!isServed, "a live session was not found by its key");
      this.#world.check(canonical(view) === canonical(EMPTY), "a request without a session sees data");
      return;
    }
    this.#world.check(!isForeign, "a session was served without its device");
    this.#world.check(
      (handle as StoreId) === id,
      "a session was found under an id that is not that of its key",
    );
    const current = [...before, ...shelf.versions(handle as StoreId).slice(seen)].some(
      ({ data, userId: user }) => canonical(parts(data).dictionary) === canonical(view) && user === userId,
    );
    this.#world.check(
      current,
      `a request sees ${canonical(view)} of ${userId}, as the session was at no time of its opening`,
    );
    this.#look(view);
    this.#openedAs = id;
  }

  get #boundJar(): BoundJar {
    return this.#world.boundJars[this.#visit.browser] as BoundJar;
  }

  /** The Cookie header. The thief has copied the session cookie alone. */
  #cookies(key: string | null): string | null {
    const bound = this.#boundJar.cookie(this.#world.now);
    const cookies = [
      ...(key === null ? [] : [`${this.#world.cookieName}=${key}`]),
      ...(bound === null ? [] : [`__Host-sessionid-device=${bound.value}`]),
    ];
    return cookies.length === 0 ? null : cookies.join("; ");
  }

  /** The device of the session to which the browser's cookie leads, also where it has moved to. */
  #deviceThere() {
    const key = this.#world.jars[this.#visit.browser]?.key;
    const record = key === undefined ? null : this.#world.live(idOf(key));
    return record === null ? undefined : parts(record.data).extras.device;
  }

  async #askDevice(address: "registration" | "refresh", challenge: string | null, withKey: boolean) {
    const jar = this.#boundJar;
    const device = jar.device as Device;
    const headers: Record<string, string | null> = {
      cookie: this.#cookies(this.#world.jars[this.#visit.browser]?.key ?? null),
      "sec-secure-session-id": withKey ? null : device.thumbprint,
      "secure-session-response": challenge === null ? null : device.proof(challenge, { withKey }),
    };
    const before = this.#deviceThere();
    const answer = await this.#sessions[ENGINE].answerDevice(address, {
      method: "POST",
      secure: true,
      header: (name) => headers[name] ?? null,
    });
    const there = this.#deviceThere();
    jar.take(answer.headers, this.#world.now, before?.s === there?.s ? (there?.s ?? null) : null);
    this.#tell(`${address}: ${answer.status} ${answer.body.slice(0, 60)}`);
    this.#world.check(
      answer.status !== 503 ||
        this.#world.program.faults > 0 ||
        !jar.isOwner(before) ||
        before?.s !== there?.s,
      `${address} failed although the store did not`,
    );
    return {
      ...answer,
      isEnd: answer.body.includes('"continue":false'),
      isSame: jar.isOwner(before) && before?.s === there?.s,
    };
  }

  /** Before a request, where the bound cookie has run out. */
  async #refreshDevice(): Promise<void> {
    const jar = this.#boundJar;
    if (!this.#world.program.deviceBound || !jar.isBound || jar.cookie(this.#world.now) !== null) return;
    let answer = await this.#askDevice("refresh", jar.challenge, false);
    if (answer.status === 403) answer = await this.#askDevice("refresh", jar.challenge, false);
    this.#isSkipped = answer.status === 503;
    if (!answer.isEnd) return;
    // The challenge may be that of another session of this browser: then the binding is another.
    const handle = jar.challenge?.split(".")[0] as StoreId | undefined;
    const key = this.#world.jars[this.#visit.browser]?.key;
    const { shelf, now } = this.#world;
    const id = key === undefined ? null : idOf(key);
    // A minute after another has changed the key, the old one leads nowhere.
    const isOther =
      id === null ||
      handle === undefined ||
      shelf.last(handle) !== shelf.last(id) ||
      !shelf.isMarked(id, now);
    this.#world.check(!answer.isSame || isOther, "a binding ended, and its session lives");
    jar.isBound = false;
    jar.challenge = null;
  }

  /** Takes the last offer. */
  async #registerDevice(): Promise<void> {
    const jar = this.#boundJar;
    const { offer } = jar;
    if (offer === null || jar.device === null) return;
    jar.offer = null;
    await this.#pause();
    const answer = await this.#askDevice("registration", offer, true);
    if (answer.status !== 200 || answer.isEnd) return;
    jar.isBound = true;
    const record = this.#world.live(offer.split(".")[0] as StoreId);
    const { device } = record === null ? { device: undefined } : parts(record.data).extras;
    this.#world.check(
      device === undefined || jar.isOwner(device) || device.since === undefined,
      "a registered key is not that of the session",
    );
  }

  /** Checks what the handler sees. Behind a change of key by another request, that is nothing new. */
  #look(view: Data): void {
    this.#world.checkSeen(view, this.#session.userId, "a handler sees", this.#seen);
    const texts = signatures(view);
    this.#world.check(
      texts.every(({ family }) => family === this.#family),
      "a handler sees data of another browser",
    );
    if (this.#session.key === null && this.#session.handle === null)
      this.#world.check(
        texts.every(({ text }) => this.#seen.has(text)),
        "a request with an old key sees what came since",
      );
    for (const { text } of texts) this.#seen.add(text);
  }

  #view(): Data {
    return copy(this.#session.toObject());
  }

  #sign(): string {
    this.#savesData = true;
    return this.#signed();
  }

  #signed(user = this.#session.userId): string {
    const text = `${this.#number}.${this.#count++}@${user ?? "anon"}#${this.#family}`;
    this.#seen.add(text.slice(0, text.indexOf("@")));
    return text;
  }

  async #do(deed: Deed): Promise<void> {
    const session = this.#session;
    const [verb, argument = ""] = deed.split(" ");
    switch (verb) {
      case "set":
        session.set(argument, this.#sign());
        this.#changes.final(argument);
        break;
      case "append":
        this.#update(argument, this.#append());
        break;
      case "count":
        this.#update("n", (n) => (typeof n === "number" ? n : 0) + 1);
        break;
      case "push": {
        const list = session.get(argument);
        if (!Array.isArray(list)) break;
        list.push(this.#sign());
        this.#changes.final(argument);
        session.setDefault(argument, list); // A write, so that `modified = false` before it does not count.
        session.modified = true;
        break;
      }
      case "delete":
        if (session.delete(argument)) {
          this.#changes.final(argument);
          this.#savesData = true;
        }
        break;
      case "clear":
        session.clear();
        this.#changes.clear();
        this.#savesData = true;
        break;
      case "login":
        this.#login(argument as User);
        break;
      case "flush":
      case "logout":
        this.#flush(this.#loggedOut);
        session[verb]();
        break;
      case "cycleKey":
        session.cycleKey();
        this.#hasNewKey = true;
        this.#savesData = true;
        break;
      case "confirm":
        if (session.userId === null) break;
        session.confirm();
        this.#hasNewKey = true;
        this.#confirmedAt = this.#world.now;
        this.#savesData = true;
        break;
      case "setExpiry":
        session.setExpiry(argument === "null" ? null : Number(argument));
        this.#savesData = true;
        break;
      case "modified":
        session.modified = true;
        this.#savesData = true;
        break;
      case "unmodified":
        session.modified = false;
        this.#savesData = false;
        break;
      case "pause":
        await this.#pause();
        break;
      case "catch":
        this.#catches = true;
        break;
      case "save":
        await this.#attempt(this.#save());
        break;
      case "saveAside":
        if (this.#canGoAside && !this.#hasLogin) this.#beside(this.#save({ isAside: true }));
        else await this.#attempt(this.#save());
        break;
      case "load":
        await this.#attempt(this.#load());
        break;
      case "once":
        if (this.#canRunOnce(argument)) await this.#attempt(this.#once(argument));
        break;
      case "onceAside":
        if (this.#canGoAside && session.handle !== null && this.#canRunOnce(argument))
          this.#beside(this.#once(argument, { isAside: true }));
        break;
      case "revokeOthers":
        await this.#revoke(session.handle as StoreId | null);
        break;
      case "revokeAll":
        await this.#revoke(null);
        break;
      case "sweep":
        await this.#sessions.clearExpired({ batchSize: 2 });
        break;
      default:
        throw new Error(`no such deed: ${deed}`);
    }
  }

  #append() {
    const value = this.#sign();
    return (list: unknown) => [...(Array.isArray(list) ? list : []), value];
  }

  #update(key: string, updater: (current: unknown) => unknown): void {
    this.#session.update(key, updater);
    this.#changes.update(key, updater);
    this.#savesData = true;
  }

  /** Waits for a call that may fail. */
  async #attempt(call: Promise<void>): Promise<void> {
    try {
      await call;
    } catch (error) {
      if (!this.#catches) throw error;
      this.#checkError(error, [SessionConflictError, SessionInterruptedError]);
    }
  }

  /** Goes on beside a call. */
  #beside(call: Promise<void>): void {
    const failed = (error: unknown) => {
      // It begins when what stands after it in the handler is called already.
      if (!(error instanceof SessionCommittedError || error instanceof TypeError))
        this.#checkError(error, [SessionConflictError, SessionInterruptedError]);
    };
    this.#asides.push(call.catch(failed));
  }

  /** One call is beside the others at a time. What it reads goes under their changes, which only `onConflict: "mine"` does not see. */
  get #canGoAside(): boolean {
    return this.#asides.length === 0 && (this.#options.onConflict ?? "mine") === "mine";
  }

  #login(user: User): void {
    const owner = this.#session.userId ?? this.#formerUser;
    if (owner !== null && owner !== user) this.#flush(this.#replaced);
    this.#session.login(user);
    this.#hasLogin = true;
    this.#hasNewKey = true;
    this.#hasEnded = false;
    this.#isLate = false;
    this.#savesData = true;
  }

  #flush(ended: StoreId[]): void {
    ended.push(...this.#ids);
    this.#ids.clear();
    this.#changes = new Changes();
    this.#base = EMPTY;
    this.#saves = [];
    this.#formerUser = null;
    this.#confirmedAt = null;
    this.#hasLogin = false;
    this.#hasNewKey = false;
    this.#isLate = false;
    this.#hasEnded = false;
    this.#savesData = true;
  }

  /** Tags the changes since the last save. Gives all saves that the next write makes. */
  #begin(): Save[] {
    if (this.#hasLogin) this.#world.loginViews.push(this.#view());
    if (!this.#savesData) return [];
    for (const save of this.#saves) save.isRepeated = this.#world.program.faults > 0;
    if (!this.#changes.isEmpty) {
      const append = this.#append();
      const [tag = ""] = append([]);
      this.#update("log", append);
      const mine = this.#view();
      this.#saves.push({
        tag,
        changes: this.#changes,
        base: this.#base,
        mine,
        onConflict: this.#options.onConflict,
        begunAt: this.#world.shelf.step,
        state: "under way",
        isRepeated: false,
      });
      this.#changes = new Changes();
      this.#base = mine;
    }
    for (const save of this.#saves) {
      save.state = "under way";
      this.#world.saves.set(save.tag, {
        save,
        family: this.#family,
        ids: new Set(this.#ids),
        hasLogin: this.#hasLogin,
      });
    }
    return [...this.#saves];
  }

  async #save({ isAside = false } = {}): Promise<void> {
    const saves = this.#begin();
    const all = this.#saves;
    const { userId } = this.#session;
    const ended = [...this.#loggedOut, ...this.#replaced];
    let isKept: boolean;
    try {
      isKept = await this.#session.save();
    } catch (error) {
      for (const save of saves) save.state = this.#failed(save, error);
      throw error;
    }
    this.#checkEnded(ended);
    const view = this.#view();
    this.#look(view);
    if (!isKept) {
      this.#hasEnded = true;
      for (const save of saves) this.#dropped(save);
      // A login that was called meanwhile, or is to come before the response, stores them.
      if (isAside) for (const save of saves) save.state = "doubtful";
      if (this.#saves === all) this.#foundEnded(userId);
      return;
    }
    for (const save of saves) this.#acknowledged(save);
    const { handle } = this.#session;
    if (handle !== null) {
      this.#ids.add(handle as StoreId);
      this.#savedAt.add(handle as StoreId);
      this.#world.check(this.#world.shelf.versions(handle as StoreId).length > 0, "save() stored nothing");
      if (!isAside) this.#hasLogin = false;
      if (!isAside) this.#hasNewKey = false;
    }
    if (this.#saves !== all) return;
    this.#saves = all.filter((save) => !saves.includes(save));
    if (this.#changes.isEmpty) this.#base = view;
  }

  /** The session has ended. The changes stay with the handler, as they are on no data, and a login stores them. */
  #foundEnded(user: string | null): void {
    this.#formerUser = user ?? this.#formerUser;
    this.#saves = this.#saves.filter(({ state }) => state !== "stored");
    let data = EMPTY;
    for (const save of this.#saves) {
      save.base = data;
      data = made(data, { ...save, onConflict: "mine" });
      save.mine = data;
    }
    this.#base = data;
    if (this.#changes.isEmpty)
      this.#world.check(
        canonical(this.#view()) === canonical(data),
        `a handler whose session has ended sees ${canonical(this.#view())}, and its own changes are ${canonical(data)}`,
      );
  }

  /** Calls that are a TypeError are left out, and those under changes that only `onConflict: "mine"` does not see. */
  #canRunOnce(key: string): boolean {
    if (this.#hasNewKey) return false;
    const unsaved = [...this.#saves.map(({ changes }) => changes), this.#changes];
    if (this.#asides.length > 0 || unsaved.some(({ isCleared, keys }) => isCleared || keys.has(key)))
      return false;
    return unsaved.every(({ isEmpty }) => isEmpty) || (this.#options.onConflict ?? "mine") === "mine";
  }

  async #once(key: string, { isAside = false } = {}): Promise<void> {
    const session = this.#session;
    const { userId } = session;
    const all = this.#saves;
    const wasStored = session.createdAt !== null;
    let run: Run | null = null;
    let isAlone = false;
    const isOver = () => wasStored && session.createdAt === null && this.#saves === all;
    const refresh = async () => {
      isAlone = session.handle === null;
      // What is set by now may be too late for the response.
      if (isAlone && isAside) throw new SessionInterruptedError();
      // A login that is not stored yet has no part in it; nor has one of another request, which is stored under another key.
      const user = isAlone
        ? session.userId
        : this.#world.shelf.versions(session.handle as StoreId).at(-1)?.userId;
      const value = this.#signed(user ?? null);
      if (!isAlone) run = this.#world.beginRun(session, key, value);
      this.#look(this.#view());
      await this.#pause();
      if (run !== null) run.isRunning = false;
      return value;
    };
    try {
      const value = await session.once(key, refresh, { wait: 3600 });
      this.#tell(`got ${value} by once`);
      const { faults } = this.#world.program;
      const stored = run as Run | null;
      const hasEnded = stored !== null && (this.#world.live(stored.id) === null || this.#isBeyondLimit);
      if (stored !== null && stored.value === value)
        this.#world.check(stored.isStored || hasEnded || faults > 0, `the value of once is lost: ${value}`);
    } catch (error) {
      this.#onceError = error;
      if (isOver()) {
        this.#hasEnded = true;
        this.#foundEnded(userId);
      }
      throw error;
    }
    if (isOver()) {
      this.#hasEnded = true;
      this.#foundEnded(userId);
    }
    const view = this.#view();
    this.#look(view);
    if (isAlone) {
      this.#changes.final(key);
      this.#savesData = true;
    } else if (this.#changes.isEmpty && this.#saves.length === 0) this.#base = view;
  }

  /** A login beyond `maxUserSessions` is stored, and ends at once: what its request does later is on no session. */
  get #isBeyondLimit(): boolean {
    const { maxUserSessions } = this.#world.program;
    return maxUserSessions !== undefined && this.#hasLogin && this.#session.handle === null;
  }

  /** A fault leaves it open whether a save is stored. */
  #failed({ tag }: Save, error: unknown): Save["state"] {
    if (error instanceof StoreUnavailableError) return "doubtful";
    const isStored = this.#isBeyondLimit && this.#world.stored.has(tag);
    return error instanceof SessionInterruptedError && isStored ? "stored" : "refused";
  }

  #acknowledged(save: Save): void {
    const isStored = this.#world.stored.has(save.tag);
    this.#world.check(
      !isStored || !this.#isLate,
      `a request with an old key has stored something: ${save.tag}`,
    );
    if (isStored) save.state = "stored";
    else this.#dropped(save);
  }

  /** A save was answered without an error and is not stored: the session had ended, or was emptied by `clear` meanwhile. */
  #dropped(save: Save): void {
    const { program, saves, stored } = this.#world;
    // A login beyond `maxUserSessions` is stored, and ends by itself.
    if (program.maxUserSessions !== undefined && this.#hasLogin && stored.has(save.tag)) {
      save.state = "stored";
      return;
    }
    save.state = "dropped";
    const hasEnded = this.#hasEnded || [...this.#ids].some((id) => this.#world.live(id) === null);
    const isCleared = [...saves.values()].some(
      ({ save: other }) => other.changes.isCleared && (stored.get(other.tag) ?? -1) >= save.begunAt,
    );
    this.#world.check(
      hasEnded || !stored.has(save.tag),
      `a save is stored, and was told to be not: ${save.tag}`,
    );
    this.#world.check(
      hasEnded || isCleared || this.#isLate || this.#isRefused,
      `an acknowledged save is lost: ${save.tag}`,
    );
  }

  async #load(): Promise<void> {
    // Loads with unsaved changes are left to test/properties.
    if (!this.#changes.isEmpty || this.#saves.length > 0 || !this.#savesData) return;
    const { createdAt, userId } = this.#session;
    await this.#session.load();
    if (createdAt !== null && this.#session.createdAt === null) this.#foundEnded(userId);
    this.#base = this.#view();
    this.#look(this.#base);
  }

  async #revoke(except: StoreId | null): Promise<void> {
    const { shelf, now } = this.#world;
    const { userId } = this.#session;
    if (userId === null) return;
    const begunAt = shelf.step;
    const there = shelf.live(now).filter((id) => shelf.record(id, now)?.userId === userId);
    await this.#sessions.revokeUser(userId, { except });
    for (const id of there) {
      const record = this.#world.live(id);
      const isSpared = except !== null && shelf.last(id) === shelf.last(except);
      const hasNewLogin =
        record !== null && record.authenticatedAt !== shelf.versions(id).at(-1)?.authenticatedAt;
      this.#world.check(
        record === null || record.userId !== userId || isSpared || hasNewLogin,
        `a session of the user is there after revokeUser, which began at ${begunAt}`,
      );
    }
  }

  /** Ended stays ended. The exception: a minute after a change of key, the old key leads nowhere, also for a logout. */
  #checkEnded(ids: readonly StoreId[]): void {
    const { shelf, now } = this.#world;
    for (const id of ids)
      this.#world.check(
        !shelf.isMarked(id, now) || this.#world.live(id) === null,
        `a session lives after its logout was acknowledged: ${id.slice(0, 4)}`,
      );
  }

  async #commit(status: number): Promise<void> {
    const saves = status < 500 ? this.#begin() : [];
    const committedAt = this.#world.shelf.step;
    let headers: [string, string][];
    try {
      headers = await this.#sessions.commit(this.#session, { status });
    } catch (error) {
      this.#checkError(error, [SessionConflictError, SessionInterruptedError]);
      for (const save of saves) save.state = this.#failed(save, error);
      this.#tell(`answered with ${(error as Error).name}`);
      await this.#answerError(committedAt);
      return;
    }
    this.#tell(`answered ${status} ${headers.map((header) => header.join(": "))}`);
    this.#receive(headers, committedAt);
    this.#checkEnded(status < 500 ? [...this.#loggedOut, ...this.#replaced] : this.#loggedOut);
    if (status < 500) this.#look(this.#view());
    for (const save of saves) this.#acknowledged(save);
    this.#saves = this.#saves.filter((save) => !saves.includes(save));
    if (status >= 500) return;
    this.#checkActivity();
    this.#checkConfirmed();
  }

  /** A confirmation is there: the session has another key, and the time of the confirmation or a later one. */
  #checkConfirmed(): void {
    const { shelf } = this.#world;
    const [id, at] = [this.#openedAs, this.#confirmedAt];
    // A login may have begun another session.
    if (id === null || at === null || this.#visit.does.some((deed) => deed.startsWith("login"))) return;
    const record = this.#world.live(id);
    if (record === null || this.#world.isUndone(record)) return;
    const confirmedAt = Math.max(record.authenticatedAt ?? 0, parts(record.data).extras.confirmedAt ?? 0);
    this.#world.check(shelf.wasMoved(id), "a session was confirmed, and its key is the same");
    this.#world.check(confirmedAt >= at, "a confirmation is lost");
  }

  /**
   * The response that tells of the error announces what `save()` has stored. The exception: a logout that fails here once more leaves
   * the session that this request has made.
   */
  async #answerError(committedAt: number): Promise<void> {
    try {
      this.#receive(await this.#sessions.commit(this.#session, { status: 500 }), committedAt);
    } catch {
      for (const id of this.#savedAt) this.#world.unannounced.add(id);
    }
  }

  /**
   * With `idleTimeout` a request is activity: its session lives that long from the request's beginning, to 1/100. The exception: a
   * write of another request that was under way may count from its own beginning: at most the store's timeout earlier, or as much as
   * the store was late.
   */
  #checkActivity(): void {
    const { absoluteTimeout, faults, processes } = this.#world.program;
    const { idleTimeout } = this.#options;
    // To a process without it reading is no activity, and its `once` leaves the end as it was when its request had read it.
    const isShared = processes.every((options) => options.idleTimeout !== undefined);
    if (faults > 0 || !isShared) return;
    if (idleTimeout === undefined || this.#openedAs === null) return;
    const record = this.#world.live(this.#openedAs);
    if (record === null || this.#world.isUndone(record)) return;
    // A write of the other process gives the session the life that its own options say.
    const lives = processes.map(({ cookieAge = 1_209_600, idleTimeout: idle = Number.POSITIVE_INFINITY }) =>
      Math.min(idle, record.expiry || cookieAge),
    );
    const life = Math.min(...lives) * 1000;
    const least = this.#openedAt + life * 0.99 - STORE_TIMEOUT;
    const absoluteEnd =
      (record.authenticatedAt ?? record.createdAt) + (absoluteTimeout ?? Number.POSITIVE_INFINITY) * 1000;
    this.#world.check(
      record.expiresAt >= Math.min(least, absoluteEnd),
      "a session with activity ends before its idle timeout",
    );
  }

  /** The browser keeps the cookies of the response. */
  #receive(headers: readonly [string, string][], committedAt: number): void {
    const { jars, announced, shelf } = this.#world;
    const { at, browser } = this.#visit;
    if (this.#world.program.deviceBound) this.#boundJar.take(headers, this.#world.now, null);
    for (const [name, value] of headers) {
      const key =
        name === "Set-Cookie" && value.startsWith(`${this.#world.cookieName}=`)
          ? value.slice(this.#world.cookieName.length + 1).split(";")[0]
          : undefined;
      if (key === undefined) continue;
      jars[browser] = null;
      if (key === "") continue;
      this.#world.check(!this.#isLate, "a request with an old key got a cookie");
      const id = idOf(key);
      const by: Bringer = { at, committedAt, isRenewal: id === this.#openedAs };
      const age = Number(/; Max-Age=(\d+)/.exec(value)?.[1] ?? Number.POSITIVE_INFINITY);
      jars[browser] = { key, until: this.#world.now + age * 1000, by };
      this.#world.check(shelf.versions(id).length > 0, "a cookie was sent for a session that is not stored");
      const { to } = announced.get(id) ?? { to: new Set() };
      announced.set(id, { by: announced.get(id)?.by ?? by, to: to.add(browser) });
    }
  }

  #checkError(error: unknown, allowed: readonly (abstract new (...given: never[]) => Error)[]): void {
    const { program } = this.#world;
    if (error instanceof StoreUnavailableError) {
      this.#world.check(
        program.faults > 0,
        `a request failed although the store did not: ${error.cause ?? error}`,
      );
      return;
    }
    const isAllowed = allowed.some((kind) => error instanceof kind);
    this.#world.check(isAllowed, `a request failed with ${error instanceof Error ? error.stack : error}`);
    if (error instanceof SessionConflictError)
      this.#world.check(
        this.#options.onConflict === "error",
        "a conflict is an error although nobody asked for it",
      );
    if (error instanceof SessionInterruptedError)
      this.#world.check(
        this.#options.onInterrupted === "error" || error === this.#onceError,
        "an end is an error although nobody asked for it",
      );
  }
}
