/** AES-256-GCM with keys that are made of secrets, for the stores that encrypt. */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";

const CIPHER = "aes-256-gcm";
export const IV_BYTES = 12;
export const TAG_BYTES = 16;
const OPTIONS = { authTagLength: TAG_BYTES };

/** An encrypted text and what its decryption needs beside the key. */
export interface Sealed {
  readonly iv: Buffer;
  readonly text: Buffer;
  readonly tag: Buffer;
}

/** Random bytes for many IVs: to fetch them for each text would cost half as much as the sealing. */
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

/** The key of a secret: HKDF-SHA256 of it, without salt. */
export class AesKey {
  /** A name for the key, from which neither key nor secret can be told. */
  readonly kid: string;
  /** A KeyObject, because to import the bytes of a key takes a cipher longer than all the rest of its work. */
  readonly #key: KeyObject;

  /** No program with another `info` derives this key from the same secret. */
  constructor(secret: string, info: string) {
    const bytes = Buffer.from(hkdfSync("sha256", secret, "", info, 32));
    this.kid = createHash("sha256").update(bytes).digest("base64url").slice(0, 8);
    this.#key = createSecretKey(bytes);
  }

  /** Encrypts a text. `additional` is not encrypted, and without it the text cannot be decrypted. */
  encrypt(text: string, additional: Buffer): Sealed {
    const iv = newIv();
    const cipher = createCipheriv(CIPHER, this.#key, iv, OPTIONS);
    cipher.setAAD(additional);
    const sealed = cipher.update(text, "utf8");
    cipher.final(); // Makes the tag. GCM keeps no part of the text back for the end.
    return { iv, text: sealed, tag: cipher.getAuthTag() };
  }

  /** The text, or null where this key did not encrypt it with this additional data. */
  decrypt({ iv, text, tag }: Sealed, additional: Buffer): string | null {
    if (iv.length !== IV_BYTES || tag.length !== TAG_BYTES) return null;
    try {
      const decipher = createDecipheriv(CIPHER, this.#key, iv, OPTIONS);
      decipher.setAAD(additional);
      decipher.setAuthTag(tag);
      const opened = decipher.update(text);
      decipher.final(); // Throws where the tag does not fit. Only now is the text known to be ours.
      return opened.toString("utf8");
    } catch {
      return null;
    }
  }
}
