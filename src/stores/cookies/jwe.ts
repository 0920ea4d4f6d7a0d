/**
 * Encrypts text as a JWE in its compact form (RFC 7516): `header..iv.ciphertext.tag`, with alg "dir" and enc "A256GCM"
 * (RFC 7518, 4.5 and 5.3). The key of a secret is HKDF-SHA256 of it, without salt. The header names the key and the purpose;
 * it is the additional data of the encryption, so a text for one purpose cannot pass for one of another.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";

/** The info of HKDF: no other program derives this key from the same secret. */
const INFO = "coatcheck cookie A256GCM";
const CIPHER = "aes-256-gcm";
const IV_BYTES = 12;
const TAG_BYTES = 16;
const OPTIONS = { authTagLength: TAG_BYTES };

interface Key {
  /** A KeyObject, because to import the bytes of a key takes a cipher longer than all the rest of its work. */
  readonly secret: KeyObject;
  /** The protected header, in base64url. It names the key and the purpose. */
  readonly header: string;
  /** The header as additional data, which GCM authenticates with the text. */
  readonly aad: Buffer;
}

function keyOf(secret: string, purpose: string): Key {
  const bytes = Buffer.from(hkdfSync("sha256", secret, "", INFO, 32));
  const kid = createHash("sha256").update(bytes).digest("base64url").slice(0, 8);
  const header = Buffer.from(JSON.stringify({ alg: "dir", enc: "A256GCM", kid, name: purpose })).toString(
    "base64url",
  );
  return { secret: createSecretKey(bytes), header, aad: Buffer.from(header) };
}

/** Random bytes for many IVs: to fetch them for each cookie would cost half as much as the sealing. */
let pool: Buffer = Buffer.alloc(0);
let used = 0;

/** Bytes that no other IV gets: a pool is used once, from front to back, and each process and each thread has its own. */
function newIv(): Buffer {
  if (used === pool.length) {
    pool = randomBytes(64 * IV_BYTES);
    used = 0;
  }
  const iv = pool.subarray(used, used + IV_BYTES);
  used += IV_BYTES;
  return iv;
}

/** Encrypts for one purpose with the first of its secrets, and decrypts what any of them encrypted for that purpose. */
export class Encrypter {
  readonly #keys: readonly Key[];

  constructor(secrets: readonly string[], purpose: string) {
    this.#keys = secrets.map((secret) => keyOf(secret, purpose));
  }

  encrypt(text: string): string {
    const { secret, header, aad } = this.#keys[0] as Key;
    const iv = newIv();
    const cipher = createCipheriv(CIPHER, secret, iv, OPTIONS);
    cipher.setAAD(aad);
    const sealed = cipher.update(text, "utf8");
    cipher.final(); // Makes the tag. GCM keeps no part of the text back for the end.
    return `${header}..${toBase64(iv)}.${toBase64(sealed)}.${toBase64(cipher.getAuthTag())}`;
  }

  /** The text, or null for a value that none of the secrets encrypted. No other algorithm is ever tried. */
  decrypt(value: string): string | null {
    const [header, wrapped, iv64 = "", sealed64 = "", tag64 = "", more] = value.split(".");
    const key = this.#keys.find((key) => key.header === header);
    if (key === undefined || wrapped !== "" || more !== undefined) return null;
    const iv = fromBase64(iv64);
    const tag = fromBase64(tag64);
    if (iv.length !== IV_BYTES || tag.length !== TAG_BYTES) return null;
    try {
      const decipher = createDecipheriv(CIPHER, key.secret, iv, OPTIONS);
      decipher.setAAD(key.aad);
      decipher.setAuthTag(tag);
      const text = decipher.update(fromBase64(sealed64));
      decipher.final(); // Throws where the tag does not fit. Only now is the text known to be ours.
      return text.toString("utf8");
    } catch {
      return null;
    }
  }
}

const toBase64 = (bytes: Buffer) => bytes.toString("base64url");
const fromBase64 = (text: string) => Buffer.from(text, "base64url");
