/** The public key of a device: read strictly from its JWK (RFC 7517), named by its thumbprint (RFC 7638), asked to verify. */
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import type { DeviceKey } from "../contract/record-data.ts";
import { fromBase64url } from "./base64url.ts";

/** The algorithms that a browser may choose from, the better one first. */
export const ALGORITHMS = ["ES256", "RS256"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

const SMALLEST_MODULUS = 2048;
/** Bits. Beyond this a verification takes so long that it could be used to keep the server busy. */
const LARGEST_MODULUS = 8192;
/** Bytes: with a larger exponent too. */
const LARGEST_EXPONENT = 4;

export const algorithmOf = ({ kty }: DeviceKey): Algorithm => (kty === "EC" ? "ES256" : "RS256");

/** The key of a JWK for this algorithm; null where the JWK is no such key, or a weak one. */
export function keyFrom(jwk: unknown, algorithm: Algorithm): DeviceKey | null {
  if (typeof jwk !== "object" || jwk === null) return null;
  const { kty, crv, x, y, n, e } = jwk as Record<string, unknown>;
  if (algorithm === "ES256") {
    if (kty !== "EC" || crv !== "P-256" || bytesIn(x) !== 32 || bytesIn(y) !== 32) return null;
    return checked({ kty, crv, x: x as string, y: y as string });
  }
  const isOfFitSize = bytesIn(n) * 8 <= LARGEST_MODULUS && bytesIn(e) <= LARGEST_EXPONENT;
  if (kty !== "RSA" || !isOfFitSize) return null;
  return checked({ kty, n: n as string, e: e as string });
}

/** NaN for what is no canonical base64url. */
const bytesIn = (text: unknown): number => fromBase64url(text)?.length ?? Number.NaN;

/** The key, unless it is no point of the curve or too short. */
function checked(key: DeviceKey): DeviceKey | null {
  const object = keyObjectOf(key);
  if (object === null) return null;
  const bits = object.asymmetricKeyDetails?.modulusLength ?? 0;
  return key.kty === "EC" || bits >= SMALLEST_MODULUS ? key : null;
}

function keyObjectOf(key: DeviceKey): KeyObject | null {
  try {
    return createPublicKey({ key: { ...key }, format: "jwk" });
  } catch {
    return null;
  }
}

/** The name of the key to browsers, `session_identifier`. A change of the session's key does not change it. */
export function thumbprintOf(key: DeviceKey): string {
  const members = key.kty === "EC" ? ["crv", "kty", "x", "y"] : ["e", "kty", "n"];
  return createHash("sha256").update(JSON.stringify(key, members)).digest("base64url");
}

/** Whether the key has signed the text. */
export function hasSigned(key: DeviceKey, text: string, signature: Buffer): boolean {
  // Raw r and s (RFC 7518, 3.4), 32 bytes each.
  if (key.kty === "EC" && signature.length !== 64) return false;
  // Given as JWK, because workerd takes no KeyObject beside an encoding. RSA has no encoding to choose.
  const how = { key: { ...key }, format: "jwk", dsaEncoding: "ieee-p1363" } as const;
  try {
    return verify("sha256", Buffer.from(text), how, signature);
  } catch {
    return false;
  }
}
