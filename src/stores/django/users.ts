/** The users of the Django site. A session is signed in only as long as Django's own check of its user holds. */
import { createHash, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import type { Signal } from "../../contract/call.ts";

/** A user, as far as a session depends on it. */
export interface DjangoUser {
  /** The text in the column `password`: a hash, which Django makes. */
  readonly password: string;
  readonly isActive: boolean;
}

/** Finds a user by the id in the session; null where there is none. */
export type FindUser = (id: string, signal: Signal) => Promise<DjangoUser | null>;

const PURPOSE = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash";

/**
 * Django's `_auth_user_hash`: an HMAC over the stored password, so that a session ends when its user's password changes
 * (`AbstractBaseUser.get_session_auth_hash`).
 */
export class SessionHashes {
  readonly #keys: readonly KeyObject[];

  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map((secret) =>
      createSecretKey(createHash("sha256").update(PURPOSE).update(secret).digest()),
    );
  }

  /** The hash with which Django will know a session as this user's. */
  of(user: DjangoUser): string {
    return hashOf(user, this.#keys[0] as KeyObject).toString("hex");
  }

  /** Whether the hash was made with one of the secrets and the present password. */
  fits(hash: string, user: DjangoUser): boolean {
    if (!/^[0-9a-f]{64}$/.test(hash)) return false;
    const given = Buffer.from(hash, "hex");
    return this.#keys.some((key) => timingSafeEqual(hashOf(user, key), given));
  }
}

const hashOf = ({ password }: DjangoUser, key: KeyObject): Buffer =>
  createHmac("sha256", key).update(password).digest();
