/** A ticket says what the value of the session cookie stands for. */
import type { StoredRecord, StoreId } from "./record.ts";

/** The id under which a session is stored, and the key that leads there. */
export interface Address {
  /** null where no key is known: the cookie carries the record, or another request has changed the key. */
  readonly key: string | null;
  readonly id: StoreId;
}

/** A session as it is stored. */
export interface StoredSession extends Address {
  readonly record: StoredRecord;
}

/** The address to which a cookie value leads, and the record where the cookie carries one. */
export interface CookieContent extends Address {
  readonly record?: StoredRecord;
}

export interface Ticket {
  /**
   * `"keyed"`: the cookie holds a random key, and the store the record under the key's hash. `"carried"`: the cookie holds the
   * record itself, signed or encrypted, and is written anew with every change. `"clear"`: the cookie holds a random key, and
   * the store the record under that key itself, so that an id is as secret as a key and is never shown.
   */
  readonly kind: "keyed" | "carried" | "clear";
  /** Reads the value of the cookie `name`. null for a value that is not ours or has been tampered with: the store is not asked then. */
  parse(value: string, name: string): CookieContent | null;
  /** A new address for a session. */
  mint(): Address;
  /** The value of the cookie `name` for a stored session. Throws CookieTooLargeError. */
  issue(session: Pick<StoredSession, "key" | "record">, name: string): string;
}
