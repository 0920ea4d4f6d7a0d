/**
 * Django's signed text: `value:time:mac`. The value is base64url of JSON, with a "." before it when it was compressed; the
 * time is Unix seconds in base 62; the MAC is HMAC-SHA256 over `value:time` (django.core.signing, Django 3.1 and later).
 */
import { createHash, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { deflateSync, inflateSync } from "node:zlib";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function toBase62(seconds: number): string {
  let text = "";
  for (let rest = Math.floor(seconds); rest > 0; rest = Math.floor(rest / 62))
    text = DIGITS[rest % 62] + text;
  return text || "0";
}

function fromBase62(text: string): number | null {
  if (!/^[0-9A-Za-z]{1,8}$/.test(text)) return null;
  return [...text].reduce((sum, digit) => sum * 62 + DIGITS.indexOf(digit), 0);
}

/** Escapes everything beyond ASCII, and DEL, because Python reads the bytes as Latin-1. */
function toAscii(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Signs with the first of its secrets, and accepts what any of them signed. */
export class Signer {
  /** KeyObjects, because to import the bytes of a key takes an HMAC ten times as long as its work. */
  readonly #keys: readonly KeyObject[];
  readonly #largest: number;

  /** `largest` is the size to which a compressed value may inflate, bytes. */
  constructor(secrets: readonly string[], salt: string, largest: number) {
    this.#largest = largest;
    this.#keys = secrets.map((secret) =>
      createSecretKey(createHash("sha256").update(`${salt}signer`).update(secret).digest()),
    );
  }

  #mac(text: string, key: KeyObject): Buffer {
    return createHmac("sha256", key).update(text).digest();
  }

  /** `now` in epoch milliseconds. */
  sign(json: string, now: number): string {
    const plain = Buffer.from(toAscii(json), "latin1");
    const packed = deflateSync(plain);
    const isShorter = packed.length < plain.length - 1;
    const value = isShorter ? `.${packed.toString("base64url")}` : plain.toString("base64url");
    const text = `${value}:${toBase62(now / 1000)}`;
    return `${text}:${this.#mac(text, this.#keys[0] as KeyObject).toString("base64url")}`;
  }

  /** The JSON and the time of signing, epoch milliseconds; null for a text that none of the secrets signed. */
  unsign(signed: string): { json: string; at: number } | null {
    const [, text, value, time, mac] = /^((\.?[\w-]+):([0-9A-Za-z]+)):([\w-]{43})$/.exec(signed) ?? [];
    if (text === undefined || value === undefined || time === undefined || mac === undefined) return null;
    const given = Buffer.from(mac, "base64url");
    if (!this.#keys.some((key) => timingSafeEqual(this.#mac(text, key), given))) return null;
    const seconds = fromBase62(time);
    if (seconds === null) return null;
    try {
      const isPacked = value.startsWith(".");
      const bytes = Buffer.from(isPacked ? value.slice(1) : value, "base64url");
      const json = (isPacked ? inflateSync(bytes, { maxOutputLength: this.#largest }) : bytes).toString(
        "latin1",
      );
      return { json, at: seconds * 1000 };
    } catch {
      return null;
    }
  }
}
