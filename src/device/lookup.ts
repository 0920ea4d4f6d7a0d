/** Finds the session of a registration or a refresh, and compares it with the session cookie that came along. */
import type { StoreId } from "../contract/record.ts";
import type { Device } from "../contract/record-data.ts";
import type { StoredSession } from "../contract/ticket.ts";
import { readCookie } from "../cookie/cookie.ts";
import type { DeviceRequest, EngineParts } from "../engine/device.ts";
import { isOver } from "../engine/expiry.ts";
import { isNewer, isUsable } from "../engine/usable.ts";
import { deviceOf } from "./binding.ts";

/** A session that was found, with its device. */
export interface FoundSession {
  readonly session: StoredSession;
  readonly device: Device | null;
}

/** Gone: it is unknown, has ended, or cannot be read. Away: it cannot be told now, and may be there the next time. */
export type Found = FoundSession | "gone" | "away";

export class Lookup {
  readonly #parts: EngineParts;

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  /** The session of a handle, also where its key was changed since. */
  async byHandle(handle: StoreId): Promise<Found> {
    const { store } = this.#parts;
    return this.#judge(await store.locate(handle, store.deadline()));
  }

  /** The session that the cookie of a request names; null where no cookie came. A key that was changed is not followed. */
  async byCookie(request: DeviceRequest): Promise<Found | null> {
    const { store, settings } = this.#parts;
    let found: Found | null = null;
    for (const { key, id } of this.#presented(request)) {
      const record = await store.read(id, store.deadline());
      if (record === "moved") return "away";
      const isLive = record !== null && !isOver(record, settings, settings.clock());
      found = this.#judge(isLive ? { key, id, record } : null);
      if (found !== "gone") return found;
    }
    return found;
  }

  /** Whether the session cookie of a request names another session than the one to which the handle has led. */
  async namesAnother(request: DeviceRequest, handle: StoreId, { id }: StoredSession): Promise<boolean> {
    const { store } = this.#parts;
    const ids = this.#presented(request).map((content) => content.id);
    if (ids.length === 0 || ids.includes(id) || ids.includes(handle)) return false;
    for (const other of ids) if ((await store.locate(other, store.deadline()))?.id === id) return false;
    return true;
  }

  #judge(session: StoredSession | null): Found {
    if (session === null) return "gone";
    if (isNewer(session.id, session.record)) return "away";
    if (!isUsable(session.id, session.record)) return "gone";
    return { session, device: deviceOf(session.record) };
  }

  /** The contents of the session cookies that came; at most two, as for every request. */
  #presented(request: DeviceRequest) {
    const { cookie, ticket } = this.#parts;
    const name = cookie.name(true);
    const values = [...new Set(readCookie(request.header("cookie"), name))];
    return values.flatMap((value) => ticket.parse(value, name) ?? []).slice(0, 2);
  }
}
