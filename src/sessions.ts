import type { StoreStats } from "./contract/store.ts";
import { checkSchema } from "./data/schema.ts";
import type { SessionData } from "./data/session-data.ts";
import type { Header } from "./engine/announcer.ts";
import type { ClearOptions } from "./engine/clearing.ts";
import type { LoadDevices } from "./engine/device.ts";
import { Engine, type OpenOptions } from "./engine/engine.ts";
import type { RevokeUserOptions, UserSession } from "./engine/users.ts";
import type { WatchOptions } from "./engine/watches.ts";
import { draftOf, Session } from "./session.ts";
import type { Options } from "./settings/options.ts";
import { readSettings, type Settings } from "./settings/settings.ts";

export type { ClearOptions } from "./engine/clearing.ts";
export type { OpenOptions } from "./engine/engine.ts";
export type { RevokeUserOptions, UserSession } from "./engine/users.ts";

export interface ResponseHead {
  readonly status: number;
}

/**
 * The property under which adapters find the engine of a `Sessions`. Bundlers may put two copies of this package into one
 * program, so an adapter must not ask whether a `Sessions` is an instance of its own class.
 */
export const ENGINE = Symbol.for("coatcheck.engine");

/** Loads the rules of devices, which a site without the option `deviceBound` never needs. */
const devicesOf = ({ deviceBound }: Settings): LoadDevices | null =>
  deviceBound === null
    ? null
    : async (parts) => (await import("./device/devices.ts")).deviceRules(parts, deviceBound);

/** Opens the session of a request, and commits it with the response. Every framework's adapter does these two things. */
export class Sessions<Data = SessionData> {
  readonly [ENGINE]: Engine<Session<Data>>;

  constructor(settings: Settings) {
    this[ENGINE] = new Engine(settings, (draft, engine) => new Session(draft, engine), devicesOf(settings));
  }

  /** The session of a request, by its Cookie header. Rejects with StoreUnavailableError when the store cannot be read. */
  async open(cookieHeader: string | null | undefined, request: OpenOptions): Promise<Session<Data>> {
    const engine = this[ENGINE];
    const draft = engine.begin(cookieHeader, request);
    await engine.find(draft, request);
    return engine.sessionOf(draft);
  }

  /**
   * Stores everything that the request wants stored, and resolves to the headers that the response must carry: `Set-Cookie`
   * (append), `Vary` (merge), `Cache-Control` (in place of the response's own, unless that has `private` or `no-store`).
   * The session is stored as it stands at the call. Rejects when it could not be stored: the response must then be an error. Call
   * `commit` again with its status, 500 or more: that stores nothing, and gives the headers that announce what `save()` has stored.
   */
  async commit(session: Session<Data>, { status }: ResponseHead): Promise<Header[]> {
    const draft = draftOf(session);
    const committing = this[ENGINE].commit(draft, status);
    if (committing !== undefined) await committing; // Waiting for nothing would cost a turn of the microtasks.
    return this[ENGINE].headers(draft);
  }

  /** Tells of changes that were never saved. To be called when the response has ended, unless its commit failed. */
  finish(session: Session<Data>): void {
    this[ENGINE].finish(draftOf(session));
  }

  /** Deletes expired sessions in batches until there are no more; resolves to their number. With `dryRun`, only counts. */
  clearExpired(options: ClearOptions = {}): Promise<number> {
    return this[ENGINE].sweeper.clear(options);
  }

  /** The live sessions of a user, the one seen last first. */
  async listUserSessions(userId: string | number): Promise<UserSession[]> {
    return (await this[ENGINE].users()).list(String(userId));
  }

  /** Ends one session of a user. False, and nothing ended, when there is none by that handle or it belongs to another user. */
  async revoke(handle: string, { userId }: { userId: string | number }): Promise<boolean> {
    return (await this[ENGINE].users()).revoke(handle, String(userId));
  }

  /**
   * Ends all sessions of a user, but the one of the handle `except`, a few at a time; resolves to their number, in which a
   * session that had already expired may be counted. Where the store fails it rejects with StoreUnavailableError, which says how
   * many have ended; the same call again ends the rest.
   */
  async revokeUser(userId: string | number, options: RevokeUserOptions = {}): Promise<number> {
    return (await this[ENGINE].users()).revokeAll(String(userId), options);
  }

  /**
   * A signal for a connection that outlives its request, such as a WebSocket or a stream of events. It aborts, with a
   * SessionInterruptedError as its reason, when the session has ended or another user has signed in to it: at once where that was
   * done by this `Sessions`, else within `every` seconds, 10 by default and at most 30, and the time of one read. It follows
   * the session to a new key. A store that cannot answer ends nothing. `signal` stops the watching.
   *
   * Watching is no activity: `idleTimeout` ends the session of a connection whose visitor makes no requests. Throws a SettingsError
   * where sessions are kept in cookies, a TypeError for a session that is not stored, and SessionNotLoadedError before `load()`.
   */
  watch(session: Session<Data>, options: WatchOptions = {}): AbortSignal {
    return this[ENGINE].watch(draftOf(session), options);
  }

  /** Counts the sessions of the store; `storeTimeout` holds for each of its steps. Rejects with SettingsError when the store cannot count them. */
  stats(): Promise<StoreStats> {
    return this[ENGINE].stats();
  }

  /** Stops the clearing of expired sessions, and closes everything that the store itself opened. */
  close(): Promise<void> {
    return this[ENGINE].close();
  }
}

/** Whether a value is a `Sessions`, of this copy of the package or of another. */
export function isSessions<Data = SessionData>(value: unknown): value is Sessions<Data> {
  return typeof value === "object" && value !== null && ENGINE in value;
}

/** Makes the sessions of an application, from its options. Throws SettingsError for options that cannot work. */
export function createSessions<Data = SessionData, const Name extends string = string>(
  options: Options<Name, Data>,
): Sessions<Data> {
  const settings = readSettings(options as Options);
  checkSchema(settings.schema);
  return new Sessions(settings);
}
