/** Session keys, and the ids that are made of them. */
import * as crypto from "node:crypto";
import type { StoreId } from "../contract/record.ts";
import type { Store } from "../contract/store.ts";
import type { Ticket } from "../contract/ticket.ts";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";
const LENGTH = 32;

/** The largest multiple of 36 in a byte. Bytes from here on are thrown away, so that each letter is equally likely. */
const FAIR = 252;

/** A new session key, as Django makes them: 32 letters of `a-z0-9`, 165 random bits. */
export function newKey(): string {
  let key = "";
  while (key.length < LENGTH) {
    for (const byte of crypto.randomBytes(40)) {
      if (byte < FAIR && key.length < LENGTH) key += ALPHABET[byte % ALPHABET.length];
    }
  }
  return key;
}

/** Whether a cookie value can be a key of ours. Any other is refused before the store is asked. */
export function isKey(text: string): boolean {
  return /^[a-z0-9]{32}$/.test(text);
}

/** One call of `crypto.hash` where the runtime has it: making a Hash object takes three times as long as hashing a key. */
const sha256: (text: string) => string =
  crypto.hash === undefined
    ? (text) => crypto.createHash("sha256").update(text).digest("hex")
    : (text) => crypto.hash("sha256", text, "hex");

/** The id under which the session of a key is stored. A plain hash is enough, because a random key cannot be guessed. */
export function storeIdOf(key: string): StoreId {
  return sha256(key) as StoreId;
}

/** A name for a session in logs and events, from which neither key nor store id can be told. */
export function logIdOf(id: StoreId): string {
  return sha256(`log${id}`).slice(0, 12);
}

/** The cookie holds a random key, and the store its hash. */
export const keyTicket: Ticket = {
  kind: "keyed",
  parse: (value) => (isKey(value) ? { key: value, id: storeIdOf(value) } : null),
  mint() {
    const key = newKey();
    return { key, id: storeIdOf(key) };
  },
  issue: ({ key }) => key ?? "",
};

/** The ticket of a store: its own, or else a random key. */
export function ticketOf(store: Store): Ticket {
  return store.ticket ?? keyTicket;
}
