/**
 * Encrypts text as a JWE in its compact form (RFC 7516): `header..iv.ciphertext.tag`, with alg "dir" and enc "A256GCM"
 * (RFC 7518, 4.5 and 5.3). The header names the key and the purpose; it is the additional data of the encryption, so a text
 * for one purpose cannot pass for one of another.
 */
import { AesKey } from "../encryption/aes-gcm.ts";

/** The info of HKDF. */
const INFO = "coatcheck cookie A256GCM";

interface Key {
  readonly aes: AesKey;
  /** The protected header, in base64url. It names the key and the purpose. */
  readonly header: string;
  /** The header as additional data, which GCM authenticates with the text. */
  readonly aad: Buffer;
}

function keyOf(secret: string, purpose: string): Key {
  const aes = new AesKey(secret, INFO);
  const fields = { alg: "dir", enc: "A256GCM", kid: aes.kid, name: purpose };
  const header = Buffer.from(JSON.stringify(fields)).toString("base64url");
  return { aes, header, aad: Buffer.from(header) };
}

/** Encrypts for one purpose with the first of its secrets, and decrypts what any of them encrypted for that purpose. */
export class Encrypter {
  readonly #keys: readonly Key[];

  constructor(secrets: readonly string[], purpose: string) {
    this.#keys = secrets.map((secret) => keyOf(secret, purpose));
  }

  encrypt(plain: string): string {
    const { aes, header, aad } = this.#keys[0] as Key;
    const { iv, text, tag } = aes.encrypt(plain, aad);
    return `${header}..${toBase64(iv)}.${toBase64(text)}.${toBase64(tag)}`;
  }

  /** The text, or null for a value that none of the secrets encrypted. No other algorithm is ever tried. */
  decrypt(value: string): string | null {
    const [header, wrapped, iv = "", text = "", tag = "", more] = value.split(".");
    const key = this.#keys.find((key) => key.header === header);
    if (key === undefined || wrapped !== "" || more !== undefined) return null;
    return key.aes.decrypt({ iv: fromBase64(iv), text: fromBase64(text), tag: fromBase64(tag) }, key.aad);
  }
}

const toBase64 = (bytes: Buffer) => bytes.toString("base64url");
const fromBase64 = (text: string) => Buffer.from(text, "base64url");
