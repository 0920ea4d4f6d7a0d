/** A device with a key pair, and the proofs that a browser on it makes (DBSC, W3C). */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export type Algorithm = "ES256" | "RS256";

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

export class Device {
  readonly algorithm: Algorithm;
  readonly #key: KeyObject;
  readonly jwk: Readonly<Record<string, unknown>>;

  constructor(algorithm: Algorithm = "ES256", { bits = 2048, curve = "P-256" } = {}) {
    this.algorithm = algorithm;
    this.#key =
      algorithm === "ES256"
        ? generateKeyPairSync("ec", { namedCurve: curve }).privateKey
        : generateKeyPairSync("rsa", { modulusLength: bits }).privateKey;
    this.jwk = createPublicKey(this.#key).export({ format: "jwk" }) as Record<string, unknown>;
  }

  /** The name of the key (RFC 7638). */
  get thumbprint(): string {
    const { crv, kty, x, y, e, n } = this.jwk;
    const members = kty === "EC" ? { crv, kty, x, y } : { e, kty, n };
    return createHash("sha256").update(JSON.stringify(members)).digest("base64url");
  }

  /** A JWT over a challenge. At registration the public key goes with it. Tests put other members into header and payload. */
  proof(challenge: string, { withKey = false, header = {}, payload = {} } = {}): string {
    const head = { alg: this.algorithm, typ: "dbsc+jwt", ...(withKey ? { jwk: this.jwk } : {}), ...header };
    const text = `${encode(head)}.${encode({ jti: challenge, ...payload })}`;
    return `${text}.${this.sign(text).toString("base64url")}`;
  }

  sign(text: string): Buffer {
    const dsaEncoding = "ieee-p1363";
    return sign(
      "sha256",
      Buffer.from(text),
      this.algorithm === "ES256" ? { key: this.#key, dsaEncoding } : this.#key,
    );
  }
}
