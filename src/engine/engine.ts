/**
 * The way of a request through coatcheck, for adapters: `begin` a draft from the Cookie header, `find` the stored session,
 * run the handler, `commit` the draft with the response, `finish` when the response has ended.
 */

import type { Signal } from "../contract/call.ts";
import type { StoreStats } from "../contract/store.ts";
import type { Ticket } from "../contract/ticket.ts";
import { readCookie, SessionCookie } from "../cookie/cookie.ts";
import { logIdOf, ticketOf } from "../cookie/key.ts";
import { legacyTicket } from "../cookie/legacy.ts";
import {
  SessionInterruptedError,
  SessionNotLoadedError,
  SessionReadOnlyError,
  SettingsError,
  StoreUnavailableError,
} from "../errors.ts";
import { tell } from "../events.ts";
import type { Settings } from "../settings/settings.ts";
import { warn } from "../warn.ts";
import { Announcer, type Header } from "./announcer.ts";
import type { Arrival } from "./arrival.ts";
import { Committer } from "./commit.ts";
import type {
  DeviceAddress,
  DeviceAnswer,
  DeviceRequest,
  Devices,
  EngineParts,
  LoadDevices,
} from "./device.ts";
import { Draft } from "./draft.ts";
import { isOver } from "./expiry.ts";
import { GuardedStore } from "./guarded-store.ts";
import { InDoubt } from "./in-doubt.ts";
import type { Once, OnceOptions } from "./once.ts";
import { Sweeper } from "./sweeper.ts";
import { isNewer, locateUsable } from "./usable.ts";
import type { Users } from "./users.ts";
import { Watches, type WatchOptions } from "./watches.ts";

/** A request, as far as its session depends on it. */
export interface OpenOptions {
  /** Whether the request came over TLS. */
  readonly secure: boolean;
  /** Aborted when the client hangs up: the read is given up then. Looked at only when the store is asked. */
  readonly signal?: Signal;
  /**
   * The value of a request header, by its name in lower case. Looked at only with `deviceBound`; without it, the binding to a device
   * is offered with the response to a login alone.
   */
  header?(name: string): string | null | undefined;
  /**
   * Whether the session may only be read: every call that changes it throws SessionReadOnlyError. A function is asked before each
   * `save()`, where the response may have begun by then. Such a session is touched when it is read, where reading is activity,
   * as it may never be committed. Default false.
   */
  readonly readOnly?: boolean | (() => Promise<boolean>) | undefined;
  /** Called after each `save()` with the headers that the response must carry by then, where it can take them at once. */
  readonly announce?: ((headers: readonly Header[]) => unknown) | undefined;
}

type OnceModule = typeof import("./once.ts");

/** null until the first call of `session.once()` in this process has loaded it. */
let onceModule: OnceModule | null = null;

async function loadOnce(): Promise<OnceModule> {
  onceModule = await import("./once.ts");
  return onceModule;
}

const noHeader: Arrival["header"] = () => undefined;

/** `Session` is the object that handlers get. It stands above the engine, which therefore takes it as a parameter. */
export class Engine<Session = unknown> {
  readonly sweeper: Sweeper;
  readonly #settings: Settings;
  readonly #makeSession: (draft: Draft, engine: Engine<Session>) => Session;
  readonly #cookie: SessionCookie;
  readonly #ticket: Ticket;
  readonly #store: GuardedStore;
  readonly #inDoubt: InDoubt;
  readonly #announcer: Announcer;
  readonly #committer: Committer;
  readonly #watches: Watches;
  readonly #warned = new Set<string>();
  readonly #loadDevices: LoadDevices | null;
  /** The rules of devices; null until they are loaded, and always without the option `deviceBound`. */
  #devices: Devices | null = null;
  /** null until the first call of `session.once()`. */
  #once: Once | null = null;

  constructor(
    settings: Settings,
    makeSession: (draft: Draft, engine: Engine<Session>) => Session,
    loadDevices: LoadDevices | null = null,
  ) {
    this.#settings = settings;
    this.#loadDevices = loadDevices;
    this.#makeSession = makeSession;
    this.#cookie = new SessionCookie(settings.cookie);
    this.#ticket = settings.legacy === null ? ticketOf(settings.store) : legacyTicket(settings.legacy);
    this.#store = new GuardedStore(settings);
    this.sweeper = new Sweeper(this.#store, settings.clearExpiredEvery);
    this.#inDoubt = new InDoubt(settings, this.#store);
    const stores = { store: this.#store, inDoubt: this.#inDoubt };
    this.#announcer = new Announcer(settings, this.#cookie, this.#store.departed, this.warnOnce.bind(this));
    this.#committer = new Committer(settings, this.#announcer, stores, () => this.users());
    this.#watches = new Watches(this.#store);
    // Every login needs them then, and must not be the first to find that they cannot be loaded: it would keep no limit.
    if (settings.maxUserSessions !== null) this.users().catch(() => {});
    if (settings.store.capabilities?.compareAndSet === false && settings.store.ticket?.kind !== "carried") {
      this.warnOnce(
        "COATCHECK_NO_COMPARE_AND_SET",
        "This session store cannot compare and set: of two servers that write one session at once, one can lose its change or bring an " +
          "ended session back. Use a store that can.",
      );
    }
  }

  /** Whether the store is asked only when the handler awaits `session.load()`. */
  get isLazy(): boolean {
    return this.#settings.lazy;
  }

  /** The one cookie name that a request reads and sets. */
  cookieName(secure: boolean): string {
    return this.#cookie.name(secure);
  }

  /** The name and the path of the session cookie of a request. */
  cookiePlace(secure: boolean): string {
    return this.#cookie.place(secure);
  }

  /** The draft of a request. The store is not asked yet. */
  begin(cookieHeader: string | null | undefined, request: OpenOptions): Draft {
    const { secure, readOnly, announce } = request;
    this.sweeper.start();
    const name = this.#cookie.name(secure);
    const values = readCookie(cookieHeader, name);
    const { legacy } = this.#settings;
    const legacyValues = legacy === null || legacy.name === name ? [] : readCookie(cookieHeader, legacy.name);
    const header = this.#settings.deviceBound === null ? noHeader : headerOf(cookieHeader, request);
    return new Draft(this.#settings, this.#ticket, {
      secure,
      name,
      values,
      legacyValues,
      header,
      readOnly,
      announce,
    });
  }

  /** The session that the handler gets for a draft. */
  sessionOf(draft: Draft): Session {
    return this.#makeSession(draft, this);
  }

  /**
   * Looks for the stored session before the handler runs. There is no promise where the store need not be asked. Rejects
   * with StoreUnavailableError.
   */
  find(draft: Draft, request: OpenOptions): Promise<void> | undefined {
    if (this.#settings.lazy) return undefined;
    if (draft.presented.length > 0) return this.#find(draft, request);
    draft.found(null);
    return undefined;
  }

  /** The address of a binding that the whole path of a request names; null where it names none. */
  deviceAddress(url: string): DeviceAddress | null {
    const { deviceBound } = this.#settings;
    if (deviceBound === null || !url.startsWith(deviceBound.path)) return null;
    const end = url.slice(deviceBound.path.length).split("?", 1)[0];
    return end === "/registration" || end === "/refresh" ? (end.slice(1) as DeviceAddress) : null;
  }

  /** The path under which the addresses of a binding lie; null without the option `deviceBound`. */
  get devicePath(): string | null {
    return this.#settings.deviceBound?.path ?? null;
  }

  /** Answers a request to an address of a binding. */
  async answerDevice(address: DeviceAddress, request: DeviceRequest): Promise<DeviceAnswer> {
    const devices = await this.#devicesThere();
    if (devices === null) throw new TypeError("answerDevice() was called without the option deviceBound.");
    return devices.answer(address, request);
  }

  /** The rules of devices, loaded where they are asked for. */
  async #devicesThere(): Promise<Devices | null> {
    if (this.#loadDevices === null || this.#devices !== null) return this.#devices;
    const parts: EngineParts = {
      settings: this.#settings,
      cookie: this.#cookie,
      ticket: this.#ticket,
      store: this.#store,
      writers: this.#committer.writers,
    };
    // Not one promise for all: on workerd no request may wait for what another has begun. A module is evaluated only once.
    this.#devices ??= await this.#loadDevices(parts);
    return this.#devices;
  }

  /** `session.load()`: reads the session for the first time, or again. */
  load(draft: Draft): Promise<void> {
    return draft.afterEarlierCalls(() => (draft.isLoaded ? this.#reload(draft) : this.#find(draft)));
  }

  /** `session.save()`: false when another request has ended the session, or when its cookie cannot be sent. */
  save(draft: Draft): Promise<boolean> {
    const { readOnly, announce } = draft.arrival;
    if (readOnly === undefined && announce === undefined) return this.#committer.save(draft);
    return this.#saveAndAnnounce(draft);
  }

  async #saveAndAnnounce(draft: Draft): Promise<boolean> {
    const { readOnly, announce } = draft.arrival;
    if (typeof readOnly === "function" ? await readOnly() : readOnly) throw new SessionReadOnlyError("save");
    const isSaved = await this.#committer.save(draft);
    await announce?.(this.headers(draft));
    return isSaved;
  }

  /** `session.once()`: runs a function, or waits for that of another request of the session. */
  once(
    draft: Draft,
    key: string,
    run: (current: unknown) => unknown,
    options: OnceOptions,
  ): Promise<unknown> {
    const { dictionary } = draft;
    const call = ({ Once }: OnceModule) => {
      this.#once ??= new Once(this.#settings, this.#store, this.#committer.writers, this.#announcer);
      return this.#once.call({ draft, dictionary, key, run }, options);
    };
    // What the handler does after the call comes after it, so a call waits for nothing once the module is there.
    return onceModule === null ? loadOnce().then(call) : call(onceModule);
  }

  /** The sessions of the users. Loaded with the first call, because most sites list and revoke seldom or never. */
  async users(): Promise<Users> {
    const { Users } = await import("./users.ts");
    return new Users(this.#settings, this.#store);
  }

  /** `sessions.watch()`: a signal that aborts when the session has ended or changed its user. */
  watch(draft: Draft, options: WatchOptions): AbortSignal {
    if (draft.ticket.kind === "carried") {
      throw new SettingsError(
        "store",
        "a store on the server, for watch(): a session in a cookie ends in the browser, and the server cannot know of it",
      );
    }
    if (!draft.isLoaded) throw new SessionNotLoadedError("watch");
    draft.decode();
    draft.accessed = true;
    if (draft.unavailable !== null) throw draft.unavailable;
    const { stored } = draft;
    if (draft.isBarred || (stored !== null && draft.hasMoved(stored)))
      return AbortSignal.abort(new SessionInterruptedError());
    if (stored === null || draft.intent.login !== null) {
      throw new TypeError(
        "watch() takes a session that is stored, and this one is not yet. Write `await session.save()` first.",
      );
    }
    return this.#watches.watch(stored, options);
  }

  /**
   * Stores everything that the request wants stored, as the session stands at the call. There is a promise only where
   * something has to be stored; it rejects when that could not be done: the response must then be an error.
   */
  commit(draft: Draft, status: number): Promise<void> | undefined {
    if (draft.arrival.readOnly === true) return undefined; // Its data may have been changed within an object.
    const committing = this.#committer.commit(draft, status);
    if (this.#loadDevices === null || this.#devices !== null) return committing;
    // The headers of this response need the rules, and must not wait for anything.
    return Promise.all([committing, this.#devicesThere()]).then(() => {});
  }

  /**
   * The headers that the response must carry. To be asked for after the commit, when the first byte leaves; where the commit
   * failed, for the response that tells of the error: what `save()` stored before is announced whatever the status.
   */
  headers(draft: Draft): Header[] {
    const headers = this.#announcer.headers(draft);
    return this.#devices === null ? headers : [...headers, ...this.#devices.headers(draft, headers)];
  }

  /** In place of `headers`, where no response of ours leaves: ends a session whose new key only this request knows. */
  takeBackUnannounced(draft: Draft): void {
    this.#committer.takeBackUnannounced(draft);
  }

  /** Tells of changes that were never saved. To be called when the response has ended, unless its commit failed. */
  finish(draft: Draft): void {
    if (draft.isBarred || !draft.isModified) return;
    const id = draft.stored?.id;
    tell("unsaved", () => ({ session: id === undefined ? null : logIdOf(id) }));
    if (!draft.isCommitted) return; // The client hung up before there was a response, which is not the handler's mistake.
    this.warnOnce(
      "COATCHECK_UNSAVED",
      "A session was changed after its response had begun, and not saved. Change it before the first byte, or await session.save().",
    );
  }

  /** Counts the sessions of the store. Rejects with SettingsError when the store cannot count them. */
  async stats(): Promise<StoreStats> {
    const { countSessions } = await import("./clearing.ts");
    return countSessions(this.#store);
  }

  /** Warns on the process, once for each code. */
  warnOnce(code: string, message: string): void {
    if (this.#warned.has(code)) return;
    this.#warned.add(code);
    warn(code, message);
  }

  /** Stops the clearing of expired sessions, and closes everything that the store itself opened. */
  async close(): Promise<void> {
    this.sweeper.stop();
    this.#inDoubt.stop();
    this.#watches.stop();
    await this.#settings.store.close?.();
  }

  /** Looks for the sessions of the cookies that came, and takes the first that is live. */
  async #find(draft: Draft, request?: OpenOptions): Promise<void> {
    const { presented } = draft;
    const deadline = this.#store.deadline();
    let bar: "moved" | "newer" | "refused" | null = null;
    try {
      const devices = this.#loadDevices === null ? null : await this.#devicesThere();
      for (const content of presented) {
        const { key, id, record, isLegacy } = content;
        const seen = record ?? (await this.#store.read(id, deadline, request));
        if (draft.isLoaded) return; // It was flushed during the read.
        if (seen === "moved") {
          draft.alsoPresents(id);
          draft.movedId ??= id;
          bar = "moved";
          tell("moved", () => ({ session: logIdOf(id) }));
        } else if (seen !== null && isNewer(id, seen)) {
          draft.alsoPresents(id);
          bar = "newer";
        } else if (seen === null || isOver(seen, this.#settings, this.#settings.clock())) {
          tell("unknown", () => ({ session: logIdOf(id) }));
        } else {
          const session = { key, id, record: seen };
          const admission = devices === null ? session : await devices.admit(session, draft.arrival);
          if (draft.isLoaded) return; // It was flushed during the write.
          if (typeof admission === "string") {
            draft.refuse(session);
            if (admission === "owner") bar = "refused";
            continue;
          }
          draft.refused = null;
          draft.found(admission);
          if (admission !== session) this.#announcer.renew(draft, seen, admission);
          draft.isUnderLegacyName = isLegacy === true;
          for (const other of presented.slice(presented.indexOf(content) + 1)) draft.alsoPresents(other.id);
          const touching = this.#committer.touchEarly(draft);
          if (touching !== undefined) await touching; // Waiting for nothing would cost a turn of the microtasks.
          return;
        }
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || this.#settings.onUnavailable === "error") throw error;
      if (!draft.isLoaded) draft.bar(error);
      return;
    }
    if (bar === null) draft.found(null);
    else draft.bar(bar);
  }

  /** Reads the session again, also where it has moved to, and makes the pending changes again on it. */
  async #reload(draft: Draft): Promise<void> {
    const known = draft.stored;
    if (known === null || draft.ticket.kind === "carried") return;
    const found = await locateUsable(this.#store, known.id, this.#store.deadline());
    if (draft.stored !== known) return; // The handler ended the session during the read, and that holds.
    if (found === null) draft.ended();
    else draft.reload({ ...found, key: found.id === known.id ? known.key : null });
  }
}

const headerOf =
  (cookieHeader: string | null | undefined, request: OpenOptions): Arrival["header"] =>
  (name) =>
    name === "cookie" ? cookieHeader : request.header?.(name);
