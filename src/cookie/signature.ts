/** The signature of express-session's cookie: `s:`, the session's id, ".", and HMAC-SHA256 of the id in base64 without padding. */
import { createHmac, createSecretKey, KeyObject, timingSafeEqual } from "node:crypto";

/** express-session takes each of them. */
export type Secret = string | NodeJS.ArrayBufferView | KeyObject;

const BEGIN = "s:";

/** The letters of a signature: 32 bytes in base64, without the padding. */
const LENGTH = 43;

/** The accepted texts that are remembered: a page load sends one cookie many times, and an HMAC takes as long as a read from memory. */
const REMEMBERED = 1000;

/** Signs ids with the first of its secrets, and accepts what any of them signed. */
export class Signature {
  /** KeyObjects, because to import the bytes of a secret takes longer than the HMAC of an id. */
  readonly #keys: readonly KeyObject[];
  /** The ids of texts that were accepted, the oldest first. Only signed texts come in, so that strangers cannot fill it. */
  readonly #accepted = new Map<string, string>();

  constructor(secrets: readonly Secret[]) {
    this.#keys = secrets.map(keyOf);
  }

  #of(id: string, key: KeyObject): string {
    return createHmac("sha256", key).update(id).digest("base64").slice(0, LENGTH);
  }

  sign(id: string): string {
    return `${BEGIN}${id}.${this.#of(id, this.#keys[0] as KeyObject)}`;
  }

  /** The id in a text; null where none of the secrets signed it. `decode` gives the text where it stands in another form. */
  unsign(text: string, decode = (text: string) => text): string | null {
    const known = this.#accepted.get(text);
    if (known !== undefined) return known;
    const id = this.#check(decode(text));
    if (id !== null) this.#remember(text, id);
    return id;
  }

  #check(text: string): string | null {
    const dot = text.length - LENGTH - 1;
    // A session without an id cannot be, so an empty one is not accepted either.
    if (dot <= BEGIN.length || text[dot] !== "." || !text.startsWith(BEGIN)) return null;
    const id = text.slice(BEGIN.length, dot);
    const given = Buffer.from(text.slice(dot + 1));
    if (given.length !== LENGTH) return null;
    // Compared as text: the last letter has bits that mean nothing, and one signature must have one text.
    const isSigned = (key: KeyObject) => timingSafeEqual(given, Buffer.from(this.#of(id, key)));
    return this.#keys.some(isSigned) ? id : null;
  }

  #remember(text: string, id: string): void {
    this.#accepted.set(text, id);
    if (this.#accepted.size <= REMEMBERED) return;
    for (const oldest of this.#accepted.keys()) {
      this.#accepted.delete(oldest);
      return;
    }
  }
}

function keyOf(secret: Secret): KeyObject {
  if (secret instanceof KeyObject) return secret;
  return typeof secret === "string" ? createSecretKey(secret, "utf8") : createSecretKey(secret);
}
