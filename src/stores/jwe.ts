/**
 * Text encrypted as a JWE in its compact form (RFC 7516): `header..iv.ciphertext.tag`, with alg "dir" and enc "A256GCM"
 * (RFC 7518, 4.5 and 5.3). The key of a secret is HKDF-SHA256 of it, without salt; the header names the key.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";

const PURPOSE = "coatcheck cookie A256GCM";
const IV_BYTES = 12;
const TAG_BYTES = 16;

interface Key {
  readonly bytes: Buffer;
  /** The protected header, in base64url; it names the key and is authenticated with the text. */
  readonly header: string;
}

function keyOf(secret: string): Key {
  const bytes = Buffer.from(hkdfSync("sha256", secret, "", PURPOSE, 32));
  const kid = createHash("sha256").update(bytes).digest("base64url").slice(0, 8);
  const header = JSON.stringify({ alg: "dir", enc: "A256GCM", kid });
  return { bytes, header: Buffer.from(header).toString("base64url") };
}

/** Encrypts with the first of its secrets, and decrypts what any of them encrypted. */
export class Encrypter {
  readonly #keys: readonly Key[];

  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map(keyOf);
  }

  encrypt(text: string): string {
    const { bytes, header } = this.#keys[0] as Key;
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv("aes-256-gcm", bytes, iv, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(header));
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return [header, "", ...[iv, sealed, cipher.getAuthTag()].map((part) => part.toString("base64url"))].join(
      ".",
    );
  }

  /** null for what none of the secrets encrypted. There is one way to decrypt, and no other is tried. */
  decrypt(value: string): string | null {
    const parts = value.split(".");
    const key = this.#keys.find(({ header }) => header === parts[0]);
    if (key === undefined || parts.length !== 5 || parts[1] !== "") return null;
    const [iv, sealed, tag] = parts.slice(2).map((part) => Buffer.from(part, "base64url")) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    if (iv.length !== IV_BYTES || tag.length !== TAG_BYTES) return null;
    try {
      const decipher = createDecipheriv("aes-256-gcm", key.bytes, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(key.header));
      decipher.setAuthTag(tag);
      return decipher.update(sealed, undefined, "utf8") + decipher.final("utf8");
    } catch {
      return null;
    }
  }
}
