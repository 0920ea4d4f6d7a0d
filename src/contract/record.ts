/** One session as a store keeps it, and the id under which it is kept. */
declare const storeIdBrand: unique symbol;

/**
 * The SHA-256 of a session key, 64 lower-case hex digits. Only the core makes one, so no store ever sees a key; except a store
 * whose ticket is `"clear"`, where it is the hexadecimal of the key's 32 letters.
 */
export type StoreId = string & { readonly [storeIdBrand]: true };

/** One session as it is stored. Times are epoch milliseconds. */
export interface StoredRecord {
  /** Opaque text: stores keep it byte for byte. */
  readonly data: string;
  /** A random integer in 0 … 2^53 - 1, which the core makes for each write. It is not a counter. */
  readonly version: number;
  /** The user who is signed in, compared exactly; null for an anonymous visitor. */
  readonly userId: string | null;
  readonly createdAt: number;
  readonly authenticatedAt: number | null;
  /** From this moment on the record is absent. */
  readonly expiresAt: number;
  /** The argument of `setExpiry` as one number (see `engine/expiry.ts`); null = the default. Opaque to stores. */
  readonly expiry: number | null;
  /** The layout of this record. A store keeps numbers that it does not know. */
  readonly format: number;
}

/** Whether a text can be a `StoreId`: for texts that come from a store or from a page. */
export function isStoreId(text: unknown): text is StoreId {
  return typeof text === "string" && /^[0-9a-f]{64}$/.test(text);
}

/** The layout that this release writes. */
export const FORMAT = 1;

/** A version for a record that is about to be written. Two writers never make the same one. */
export const newVersion = () => Math.floor(Math.random() * 2 ** 53);
