/**
 * Device-bound sessions (DBSC, W3C): the browser keeps a key that never leaves the device, and proves from time to time that it has
 * it. Whoever copies the cookies to another machine does not. A session whose device has registered a key is served only with both
 * cookies, that of the session and the bound one.
 */
import type { StoredRecord } from "../contract/record.ts";
import type { Device } from "../contract/record-data.ts";
import type { StoredSession } from "../contract/ticket.ts";
import { logIdOf } from "../cookie/key.ts";
import type { Header } from "../engine/announcer.ts";
import type { Arrival } from "../engine/arrival.ts";
import type {
  Admission,
  DeviceAddress,
  DeviceAnswer,
  DeviceRequest,
  Devices,
  EngineParts,
} from "../engine/device.ts";
import type { Draft } from "../engine/draft.ts";
import { NothingToWrite } from "../engine/nothing-to-write.ts";
import { withActivity } from "../engine/with-activity.ts";
import { StoreUnavailableError } from "../errors.ts";
import { tell } from "../events.ts";
import type { DeviceSettings } from "../settings/device.ts";
import { laterAgain, wrongMethod } from "./answer.ts";
import { deviceOf, isBound, isEnforced, isOfferedAgain, withDevice } from "./binding.ts";
import { BoundCookie } from "./bound-cookie.ts";
import { Instructions } from "./instructions.ts";
import { Lookup } from "./lookup.ts";
import { Refresh } from "./refresh.ts";
import { Registration } from "./registration.ts";

/** How many bound cookies of one request are looked at: more come from no honest browser. */
const MOST_VALUES = 2;

class DeviceRules implements Devices {
  readonly #parts: EngineParts;
  readonly #cookie: BoundCookie;
  readonly #instructions: Instructions;
  readonly #registration: Registration;
  readonly #refresh: Refresh;

  constructor(parts: EngineParts, { cookieAge, path }: DeviceSettings) {
    const lookup = new Lookup(parts);
    this.#parts = parts;
    this.#cookie = new BoundCookie(parts.settings, cookieAge);
    this.#instructions = new Instructions(path, this.#cookie, cookieAge);
    this.#registration = new Registration(parts, lookup, this.#cookie, this.#instructions);
    this.#refresh = new Refresh(parts, lookup, this.#cookie, this.#instructions);
  }

  admit(session: StoredSession, arrival: Arrival): Admission | Promise<Admission> {
    const device = deviceOf(session.record);
    if (!isBound(device)) return session;
    const now = this.#parts.settings.clock();
    const values = this.#cookie.valuesIn(arrival.header("cookie"));
    if (values.slice(0, MOST_VALUES).some((value) => this.#cookie.fits(value, device, now)))
      return device.since === undefined ? this.#noteFirst(session, now) : session;
    if (!isEnforced(device, now)) return session;
    const reason = values.length > 0 ? "unfit bound cookie" : "no bound cookie";
    tell("refused", () => ({ session: logIdOf(session.id), reason }));
    return values.length > 0 || arrival.header("secure-session-skipped") ? "owner" : "stranger";
  }

  headers(draft: Draft, sessionHeaders: readonly Header[]): Header[] {
    const now = this.#parts.settings.clock();
    const headers: Header[] = [];
    if (draft.refused !== null || draft.cookie === "remove") {
      if (this.#cookie.valuesIn(draft.arrival.header("cookie")).length > 0)
        headers.push(["Set-Cookie", this.#cookie.remove()]);
    }
    headers.push(...this.#offer(draft, sessionHeaders, now));
    if (headers.length > 0) {
      // In place of what a handler wrote; where the session says it already, once is enough.
      const names = sessionHeaders.map(([name]) => name);
      if (!names.includes("Cache-Control")) headers.push(["Cache-Control", "private, no-store"]);
      if (!names.includes("Vary")) headers.push(["Vary", "Cookie"]);
    }
    return headers;
  }

  async answer(address: DeviceAddress, request: DeviceRequest): Promise<DeviceAnswer> {
    if (request.method !== "POST") return wrongMethod;
    // A browser comes over https only; a proxy that is not trusted hides it.
    if (!request.secure) return laterAgain;
    try {
      return await (address === "registration" ? this.#registration : this.#refresh).answer(request);
    } catch (error) {
      if (error instanceof StoreUnavailableError) return laterAgain;
      throw error;
    }
  }

  /** The offer to bind a session that is unbound, or the next challenge where a bound session gets a new key. */
  #offer(draft: Draft, sessionHeaders: readonly Header[], now: number): Header[] {
    const { stored, newKeyOf, arrival, isJustProven } = draft;
    if (stored === null || stored.key === null || !arrival.secure) return [];
    const hasNewKey = newKeyOf === stored.id && sessionHeaders.some(([name]) => name === "Set-Cookie");
    const isPage = arrival.header("sec-fetch-dest") === "document";
    if (!hasNewKey && !isPage) return [];
    const device: Device | null = deviceOf(stored.record);
    if (device === null) return [];
    if (isBound(device))
      return hasNewKey
        ? [["Secure-Session-Challenge", this.#instructions.challenge(stored, device, now)]]
        : [];
    const isOffered = (hasNewKey && isJustProven) || (isPage && isOfferedAgain(stored.record, now));
    return isOffered ? [["Secure-Session-Registration", this.#instructions.offer(stored, device, now)]] : [];
  }

  /** The first request that shows a valid bound cookie writes its time, once in a session's life. A failure leaves that to the next. */
  async #noteFirst(session: StoredSession, now: number): Promise<StoredSession> {
    const { store, writers } = this.#parts;
    const next = (record: StoredRecord): StoredRecord => {
      const device = deviceOf(record);
      if (!isBound(device) || device.since !== undefined) throw new NothingToWrite(record);
      return withActivity(withDevice(record, { ...device, since: now }), this.#parts.settings);
    };
    try {
      const deadline = store.deadline();
      const written = await writers.write(session.id, { known: session.record, next, deadline });
      return typeof written === "object" && "record" in written
        ? { ...session, record: written.record }
        : session;
    } catch (error) {
      return error instanceof NothingToWrite ? { ...session, record: error.there } : session;
    }
  }
}

/** The rules of devices for an engine, by the option `deviceBound`. */
export const deviceRules = (parts: EngineParts, settings: DeviceSettings): Devices =>
  new DeviceRules(parts, settings);
