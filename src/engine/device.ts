/** The place where the option `deviceBound` joins the engine. Its rules are in src/device/, which is loaded only with the option. */
import type { StoredSession, Ticket } from "../contract/ticket.ts";
import type { SessionCookie } from "../cookie/cookie.ts";
import type { Settings } from "../settings/settings.ts";
import type { Header } from "./announcer.ts";
import type { Arrival } from "./arrival.ts";
import type { Draft } from "./draft.ts";
import type { GuardedStore } from "./guarded-store.ts";
import type { Writers } from "./writers.ts";

/** The engine's parts that the rules of devices work with. */
export interface EngineParts {
  readonly settings: Settings;
  readonly cookie: SessionCookie;
  readonly ticket: Ticket;
  readonly store: GuardedStore;
  readonly writers: Writers;
}

/** The two addresses to which a browser posts: to register its key, and to renew the bound cookie. */
export type DeviceAddress = "registration" | "refresh";

/** A request to one of the two addresses. */
export interface DeviceRequest {
  readonly method: string;
  /** Whether the request came over TLS. */
  readonly secure: boolean;
  /** The value of a request header, by its name in lower case. */
  header(name: string): string | null | undefined;
}

/** The answer to such a request. */
export interface DeviceAnswer {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: string;
}

/**
 * The session with which a request goes on. Refused as a stranger: as with an unknown key. Refused as the owner: the browser shows
 * that it still has the key, so nothing is stored, and its session cookie stays.
 */
export type Admission = StoredSession | "stranger" | "owner";

/** The rules of devices. */
export interface Devices {
  /** Decides whether a request may go on with the session that its cookie names. */
  admit(session: StoredSession, arrival: Arrival): Admission | Promise<Admission>;
  /** The headers that a response must carry beside those of the session. */
  headers(draft: Draft, sessionHeaders: readonly Header[]): Header[];
  /** Answers a request to one of the two addresses. */
  answer(address: DeviceAddress, request: DeviceRequest): Promise<DeviceAnswer>;
}

/** Loads the rules of devices, with the first request. */
export type LoadDevices = (parts: EngineParts) => Promise<Devices>;
