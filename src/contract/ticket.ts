/** What stands between the cookie and the store: a key by default, or with a cookie store the sealed record itself. */
import type { StoredRecord, StoreId } from "./record.ts";

/** What a cookie value stands for. */
export interface Presented {
  /** null where the cookie is no key: it carries the record. */
  readonly key: string | null;
  readonly id: StoreId;
  /** The record, where the cookie carries it. */
  readonly sealed?: StoredRecord;
}

export interface Ticket {
  /** null for what is not ours or has been tampered with: the store is not asked. */
  parse(value: string): Presented | null;
  /** A new place for a session. */
  mint(): Presented;
  /** The value of the cookie `name` for a stored session. Throws CookieTooLargeError. */
  issue(kept: { readonly key: string | null; readonly record: StoredRecord }, name: string): string;
}
