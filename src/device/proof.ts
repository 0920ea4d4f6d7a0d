/**
 * The proof that a browser sends in Secure-Session-Response: a JWT, signed with the device's key over a challenge of ours. It has
 * the public key in it at registration, and only then.
 */
import type { DeviceKey } from "../contract/record-data.ts";
import { fromBase64url } from "./base64url.ts";
import { ALGORITHMS, type Algorithm, algorithmOf, hasSigned, keyFrom } from "./key.ts";
import { itemIn } from "./structured-field.ts";

/** A proof as it came. Nothing in it is to be believed until `isSignedBy` has said so. */
export interface Proof {
  readonly algorithm: Algorithm;
  /** The challenge that it answers. */
  readonly challenge: string;
  /** The key that it brings; null where it brings none. */
  readonly key: DeviceKey | null;
  readonly signed: string;
  readonly signature: Buffer;
}

/** Characters: an RSA key of the largest size and its signature take a third of it. */
const LONGEST = 8192;

/** null where the header is no proof. */
export function parseProof(field: string | null | undefined): Proof | null {
  const text = itemIn(field);
  if (text === undefined || text === null || text.length > LONGEST) return null;
  const [head, body, tail, ...rest] = text.split(".");
  const header = objectIn(head);
  const payload = objectIn(body);
  const signature = fromBase64url(tail);
  if (header === null || payload === null || signature === null || rest.length > 0) return null;
  const { typ, alg, jwk } = header;
  const algorithm = ALGORITHMS.find((known) => known === alg);
  if (typ !== "dbsc+jwt" || algorithm === undefined || typeof payload.jti !== "string") return null;
  const key = jwk === undefined ? null : keyFrom(jwk, algorithm);
  if (jwk !== undefined && key === null) return null;
  return { algorithm, challenge: payload.jti, key, signed: `${head}.${body}`, signature };
}

export const isSignedBy = ({ algorithm, signed, signature }: Proof, key: DeviceKey): boolean =>
  algorithm === algorithmOf(key) && hasSigned(key, signed, signature);

function objectIn(part: string | undefined): Record<string, unknown> | null {
  const bytes = fromBase64url(part);
  if (bytes === null) return null;
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
