/**
 * The cookie that express-session has set: `s:`, the session's id, ".", and HMAC-SHA256 of the id in base64 without padding;
 * the whole percent-encoded.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import type { Ticket } from "../contract/ticket.ts";
import type { LegacySettings } from "../settings.ts";
import { keyTicket, storeIdOf } from "./key.ts";

const BEGIN = "s:";

/** Signs ids with the first of its secrets, and accepts what any of them signed. */
class Signature {
  /** KeyObjects, because to import the bytes of a key takes an HMAC ten times as long as its work. */
  readonly #keys: readonly KeyObject[];

  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map((secret) => createSecretKey(secret, "utf8"));
  }

  #mac(sid: string, key: KeyObject): Buffer {
    return createHmac("sha256", key).update(sid).digest();
  }

  sign(sid: string): string {
    const mac = this.#mac(sid, this.#keys[0] as KeyObject)
      .toString("base64")
      .replace(/=+$/, "");
    return encodeURIComponent(`${BEGIN}${sid}.${mac}`);
  }

  /** The id in a cookie value; null where none of the secrets signed it. */
  unsign(value: string): string | null {
    const text = decoded(value);
    const dot = text.lastIndexOf(".");
    const sid = text.slice(BEGIN.length, dot);
    const mac = text.slice(dot + 1);
    if (!text.startsWith(BEGIN) || sid === "" || !/^[A-Za-z0-9+/]{43}$/.test(mac)) return null;
    const given = Buffer.from(mac, "base64");
    return this.#keys.some((key) => timingSafeEqual(this.#mac(sid, key), given)) ? sid : null;
  }
}

/** The text of a percent-encoded value; empty where it is not encoded well. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return "";
  }
}

/**
 * The ticket of an application that came from express-session: beside keys of our own it takes signed ids as keys. Such a key
 * keeps its signature, so that it is never accepted without.
 */
export function legacyTicket({ secrets }: LegacySettings): Ticket {
  const signature = new Signature(secrets);
  return {
    ...keyTicket,
    parse(value, name) {
      const own = keyTicket.parse(value, name);
      if (own !== null) return own;
      const key = signature.unsign(value);
      return key === null ? null : { key, id: storeIdOf(key) };
    },
    issue(session, name) {
      const { key } = session;
      const isOurs = key === null || keyTicket.parse(key, name) !== null;
      return isOurs ? keyTicket.issue(session, name) : signature.sign(key);
    },
  };
}
