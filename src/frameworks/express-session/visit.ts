/** One request on its way through the middleware: its session is found, and stored before its response leaves. */
import type { ServerResponse } from "node:http";
import type { Signature } from "../../cookie/signature.ts";
import { isSessionUserError } from "../../errors.ts";
import { holdResponse, type Keeper } from "../on-node/held-response.ts";
import { afterTurn } from "../on-node/turn.ts";
import type { Header } from "../session-headers.ts";
import {
  type Callback,
  type PlainSession,
  type RequestVisit,
  type Session,
  type SessionRequest,
  VISIT,
} from "./contract.ts";
import type { CookieOptions } from "./cookie.ts";
import { dataText, mergeTexts, withText } from "./data-text.ts";
import { MigratingStore } from "./migrating-store.ts";
import { newCookie, type SessionSettings } from "./options.ts";
import { OverOurs, oursWith } from "./over-ours.ts";
import { called } from "./promised.ts";
import { touchAtEnd } from "./session.ts";

export class Visit implements RequestVisit, Keeper {
  readonly ignoresCallsAfterEnd = true;
  readonly #settings: SessionSettings;
  readonly #request: SessionRequest;
  readonly #response: ServerResponse;
  readonly #next: (error?: unknown) => void;
  readonly #signature: Signature;
  readonly #cookieOptions: CookieOptions;
  /** The id that the cookie brought; null where it brought none. */
  readonly #cookieId: string | null;
  /** Id and data of the session as the request found it, or as it was made. */
  #original: { readonly id: string; readonly text: string } | null = null;
  /** Id and data of the session that the store is known to have; null where nothing is known. */
  #saved: { readonly id: string; readonly text: string } | null = null;
  /** The data at the last commit or save. The end of the response stores only what differs from it. */
  #committed: { readonly session: Session | null | undefined; readonly text: string } | null = null;
  #base: { readonly session: Session; readonly text: string } | null = null;
  #isTouched = false;
  #isDestroyed = false;
  #cookie: string | null = null;
  /** An error that follows a response which goes out all the same. */
  #late: unknown;

  constructor(
    settings: SessionSettings,
    request: SessionRequest,
    response: ServerResponse,
    next: (error?: unknown) => void,
    found: {
      readonly signature: Signature;
      readonly cookie: CookieOptions;
      readonly id: string | null;
    },
  ) {
    this.#settings = settings;
    this.#request = request;
    this.#response = response;
    this.#next = next;
    this.#signature = found.signature;
    this.#cookieOptions = found.cookie;
    this.#cookieId = found.id;
  }

  /** Finds or makes the session, and calls `next`. */
  begin(): void {
    const { store } = this.#settings;
    const request = this.#request;
    request.sessionStore = store;
    request[VISIT] = this;
    const id = this.#cookieId;
    if (id === null) {
      this.#begun(null);
      return;
    }
    request.sessionID = id;
    afterTurn(
      oursWith("get", store)?.find(id) ?? called<PlainSession | null>((done) => store.get(id, done)).answer,
      (found) => this.#begun(found ?? null),
      (error) => {
        if ((error as { code?: unknown } | null)?.code === "ENOENT") this.#begun(null);
        else this.#next(error);
      },
    );
  }

  #begun(found: PlainSession | null): void {
    const request = this.#request;
    try {
      if (found === null) request.sessionStore.generate(request);
      else this.#inflate(found);
      if (this.#canHold) holdResponse(this.#response, this);
    } catch (error) {
      this.#next(error);
      return;
    }
    this.#next();
  }

  #inflate(found: PlainSession): void {
    const { store, resave } = this.#settings;
    const session = store.createSession(this.#request, found);
    this.#request.session = session;
    const text = (store instanceof OverOurs ? store.textRead(found) : undefined) ?? dataText(found);
    this.#original = { id: session.id, text };
    this.#base = { session, text };
    this.#saved = resave ? null : this.#original;
  }

  /** Gives the request a new session, with the cookie that this `session()` has. */
  generate(make: (id: string) => Session): void {
    const request = this.#request;
    request.sessionID = this.#settings.newId(request);
    const session = make(request.sessionID);
    request.session = session;
    session.cookie = newCookie(this.#cookieOptions, isSecure(request, this.#settings.proxy));
    // A session that the handler makes by regenerate counts as changed: its id is another.
    this.#original ??= { id: session.id, text: dataText(session) };
  }

  wasRead(session: Session): void {
    if (this.#original === null) return; // The first read is seen by the caller.
    const text = dataText(session);
    this.#base = { session, text };
    if (!this.#settings.resave) this.#saved = { id: session.id, text };
  }

  save(session: Session, done: Callback): void {
    this.#set(session, dataText(session), (error) => {
      if (error) this.#saved = null; // The end of the request tries again.
      done(error);
    });
  }

  /** The session is about to be stored with this data. */
  #storing(session: Session, text: string): void {
    if (session === this.#request.session) this.#saved = { id: session.id, text };
    this.#base = { session, text };
  }

  #set(session: Session, text: string, done: Callback): void {
    const { reread } = this.#settings;
    const { sessionStore } = this.#request;
    const base = this.#base;
    this.#storing(session, text);
    if (!reread || base?.session !== session) {
      withText(session, text, () => sessionStore.set(session.id, session, done));
      return;
    }
    sessionStore.get(session.id, (error, found) => {
      if (error && error.code !== "ENOENT") return done(error);
      if (!found) return done(); // It has ended, and stays ended.
      const merged = mergeTexts(base.text, text, dataText(found));
      if (merged !== text) this.#take(session, merged);
      sessionStore.set(session.id, session, done);
    });
  }

  /** Puts data that other requests have stored into the session of this one. */
  #take(session: Session, text: string): void {
    const data = session as unknown as Record<string, unknown>;
    for (const key of Object.keys(session)) if (key !== "cookie") delete data[key];
    Object.assign(data, JSON.parse(text));
    this.#base = { session, text };
    if (session === this.#request.session) this.#saved = { id: session.id, text };
  }

  /** False for the stand-in of a response that a websocket's upgrade has: nothing can be sent with it. */
  get #canHold(): boolean {
    const { on, getHeaderNames } = Object(this.#response) as Partial<ServerResponse>;
    return on !== undefined && getHeaderNames !== undefined;
  }

  commit(): Promise<unknown> | undefined {
    return this.#guarded(() => {
      const { session } = this.#request;
      if (!session) return this.#unset(session);
      const text = dataText(session);
      this.#decideCookie(session, text);
      return this.#store(session, text);
    });
  }

  commitEnd(): Promise<unknown> | undefined {
    return this.#guarded(() => {
      const { session } = this.#request;
      if (!session) return this.#unset(session);
      const text = dataText(session);
      const isSame = session === this.#committed?.session && text === this.#committed.text;
      return isSame || this.#isSaved(session, text) ? undefined : this.#store(session, text);
    }, "end");
  }

  /** Follows `failedSave` where the store fails. Data that has no JSON is an error in any case. */
  #guarded(commit: () => Promise<unknown> | undefined, point?: "end"): Promise<unknown> | undefined {
    let committing: Promise<unknown> | undefined;
    try {
      committing = commit();
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#settings.failedSave === "error" || committing === undefined) return committing;
    return committing.catch((error) => {
      if (this.#settings.failedSave === "by kind" && isStoresError(error)) throw error;
      this.#late = error;
      if (point === "end") this.#tellLate();
    });
  }

  #unset(session: Session | null | undefined): Promise<unknown> | undefined {
    const { sessionID, sessionStore } = this.#request;
    this.#committed = { session, text: "" };
    if (!this.#settings.destroysUnset || !sessionID || this.#isDestroyed) return undefined;
    this.#isDestroyed = true;
    return unlessDone((done) => sessionStore.destroy(sessionID, done));
  }

  #isModified(session: Session, text: string): boolean {
    return this.#original?.id !== session.id || this.#original.text !== text;
  }

  #isSaved(session: Session, text: string): boolean {
    return this.#saved?.id === session.id && this.#saved.text === text;
  }

  get #isNew(): boolean {
    return this.#cookieId !== this.#request.sessionID;
  }

  #touch(session: Session): void {
    if (this.#isTouched) return;
    touchAtEnd(session);
    this.#isTouched = true;
  }

  /** Decides once, at the first byte, whether the response carries the cookie. */
  #decideCookie(session: Session, text: string): void {
    const { saveUninitialized, rolling, proxy, name } = this.#settings;
    const request = this.#request;
    if (typeof request.sessionID !== "string") return;
    const isDue = this.#isNew
      ? saveUninitialized || this.#isModified(session, text)
      : rolling || (session.cookie.expires != null && this.#isModified(session, text));
    if (!isDue || (session.cookie.secure && !isSecure(request, proxy))) return;
    this.#touch(session);
    try {
      this.#cookie = session.cookie.serialize(name, this.#signature.sign(request.sessionID));
    } catch (error) {
      this.#late = error;
    }
  }

  #store(session: Session, text: string): Promise<unknown> | undefined {
    this.#committed = { session, text };
    const { sessionID, sessionStore } = this.#request;
    if (typeof sessionID !== "string") return undefined;
    this.#touch(session);
    if (this.#mustSave(session, text)) {
      const ours = oursWith("set", sessionStore);
      if (ours === null) return unlessDone((done) => this.#set(session, text, done));
      this.#storing(session, text);
      return withText(session, text, () => ours.save(session.id, session));
    }
    if (this.#isNew || typeof sessionStore.touch !== "function") return undefined;
    const ours = oursWith("touch", sessionStore);
    if (ours !== null) return withText(session, text, () => ours.prolong(sessionID, session));
    return unlessDone((done) =>
      withText(session, text, () => sessionStore.touch?.(sessionID, session, done)),
    );
  }

  #mustSave(session: Session, text: string): boolean {
    if (!this.#settings.saveUninitialized && this.#saved === null && this.#isNew) {
      return this.#isModified(session, text);
    }
    return !this.#isSaved(session, text);
  }

  /** On stores of coatcheck: the session has ended since it was read. A later response may carry another cookie already. */
  get #hasEnded(): boolean {
    const { store } = this.#settings;
    const canTell = store instanceof OverOurs || store instanceof MigratingStore;
    return canTell && store.hasEnded(this.#request.session);
  }

  headers(): readonly Header[] {
    if (this.#late !== undefined) this.#tellLate();
    if (this.#cookie === null || this.#response.headersSent || this.#hasEnded) return [];
    return [["Set-Cookie", this.#cookie]];
  }

  /** The response goes out all the same, and the error follows it. */
  #tellLate(): void {
    const error = this.#late;
    this.#late = undefined;
    setImmediate(() => this.#next(error));
  }

  failed(error: unknown): void {
    this.#next(error);
  }
}

/** Calls a store. There is no promise where it has called back at once without an error: then nothing is held. */
function unlessDone<T>(run: (done: Callback<T>) => unknown): Promise<T | undefined> | undefined {
  const { isDone, answer } = called(run);
  return isDone ? undefined : answer;
}

/** Whether an error is that of a store of coatcheck. By its name, because bundlers may put two copies into one program. */
function isStoresError(error: unknown): boolean {
  return isSessionUserError(error) || (error as Error | null)?.name === "StoreUnavailableError";
}

/** Whether the browser came over https. */
export function isSecure(request: SessionRequest, proxy: boolean | undefined): boolean {
  const { encrypted } = Object(request.socket ?? request.connection) as { encrypted?: boolean };
  if (encrypted) return true;
  if (proxy === false) return false;
  if (proxy !== true) return request.secure === true;
  const header = request.headers["x-forwarded-proto"];
  return (
    String(header ?? "")
      .split(",", 1)[0]
      ?.trim()
      .toLowerCase() === "https"
  );
}
