/**
 * The one formula behind bound cookies and challenges: mac = H(s, H(s, purpose, "\n", exp)), H = SHA-256 in base64url. Two hashes in
 * place of an HMAC, because making its key object takes longer than all hashing; the outer hash keeps the inner one from being
 * extended.
 */
import * as crypto from "node:crypto";

/** The purposes are apart, so that none of the three values can stand for another. */
export type Purpose = "cookie" | "registration" | "refresh";

const sha256: (text: string) => string =
  crypto.hash === undefined
    ? (text) => crypto.createHash("sha256").update(text).digest("base64url")
    : (text) => crypto.hash("sha256", text, "base64url");

/** Says that the session with the secret `s` has made a value for this purpose, good until `exp`. */
export function macOf(s: string, purpose: Purpose, exp: string): string {
  return sha256(s + sha256(`${s}${purpose}\n${exp}`));
}

/** Whether a text is that mac, compared in constant time. */
export function isMacOf(text: string, s: string, purpose: Purpose, exp: string): boolean {
  const given = Buffer.from(text);
  const right = Buffer.from(macOf(s, purpose, exp));
  return given.length === right.length && crypto.timingSafeEqual(given, right);
}
