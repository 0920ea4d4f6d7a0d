/**
 * Any store on the server, with the data of its sessions encrypted: a copy of the database, of its backups or of its log
 * does not show what the sessions hold.
 *
 *   data in the store = key id "." base64url(iv, ciphertext, tag)      A256GCM (NIST SP 800-38D)
 *   additional data   = [id, version, userId, createdAt, authenticatedAt, expiry, format] as JSON
 *
 * The additional data stands in the columns of the record and is not secret, but the data can be decrypted only with the same
 * values. So writing to the table signs no visitor in: a record whose user, id or times were edited cannot be opened, nor can the
 * data of one session under the id of another. `expiresAt` is left out, because `touch` moves it and nothing else.
 * Each write encrypts anew; so does a change of key, which changes the id.
 *
 * A record that cannot be opened is read with data that is no JSON, which the core takes for a corrupt record: the visitor
 * gets a new session, and the event `corrupt` tells.
 */
import type { StoredRecord, StoreId } from "../contract/record.ts";
import type { Saved, Store, WriteOutcome } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { AesKey, IV_BYTES, TAG_BYTES } from "./encryption/aes-gcm.ts";
import { checkSecrets } from "./encryption/secrets.ts";

export interface EncryptedStoreOptions<S extends Store = Store> {
  /** The store of the sessions. */
  readonly store: S;
  /**
   * The first secret encrypts; all decrypt. Put a new one in front, and drop the old one when the sessions that it encrypted have
   * been written anew or have expired. A secret has 32 characters or more.
   */
  readonly secrets: readonly string[];
}

/** The info of HKDF. */
const INFO = "coatcheck store A256GCM";

/** The data of a record that cannot be opened. It is no JSON. */
const UNREADABLE = "";

/**
 * The same store with the data of its sessions encrypted. It has every verb that the store has. It stands outermost: a cache
 * goes within it. Throws a SettingsError for options that cannot work.
 */
export function encryptedStore<S extends Store>({ store, secrets }: EncryptedStoreOptions<S>): S {
  checkStore(store);
  checkSecrets(secrets, "an encrypted store", "read every session in a copy of the store");
  const keys = secrets.map((secret) => new AesKey(secret, INFO));

  function seal(id: StoreId, record: StoredRecord): StoredRecord {
    const key = keys[0] as AesKey;
    const { iv, text, tag } = key.encrypt(record.data, columnsOf(id, record));
    return { ...record, data: `${key.kid}.${Buffer.concat([iv, text, tag]).toString("base64url")}` };
  }

  function open(id: StoreId, record: StoredRecord): StoredRecord {
    const [kid, sealed = ""] = record.data.split(".");
    const bytes = Buffer.from(sealed, "base64url");
    const end = bytes.length - TAG_BYTES;
    const parts = {
      iv: bytes.subarray(0, IV_BYTES),
      text: bytes.subarray(IV_BYTES, Math.max(IV_BYTES, end)),
      tag: bytes.subarray(Math.max(0, end)),
    };
    const key = keys.find((key) => key.kid === kid);
    return { ...record, data: key?.decrypt(parts, columnsOf(id, record)) ?? UNREADABLE };
  }

  return {
    ...store,
    capabilities: { ...store.capabilities, encryptsData: true },
    async read(id, call) {
      const seen = await store.read(id, call);
      return seen === null || seen === "moved" ? seen : open(id, seen);
    },
    create: async (id, record, call) => ofItsOwnVersion(await store.create(id, seal(id, record), call)),
    update: async (id, record, expected, call) =>
      ofItsOwnVersion(await store.update(id, seal(id, record), expected, call)),
    rotate: async (oldId, newId, record, expected, call) =>
      ofItsOwnVersion(await store.rotate(oldId, newId, seal(newId, record), expected, call)),
  } satisfies Store as S;
}

/** The additional data: what decides about a session beside its data and its end. */
function columnsOf(id: StoreId, record: StoredRecord): Buffer {
  const { version, userId, createdAt, authenticatedAt, expiry, format } = record;
  return Buffer.from(JSON.stringify([id, version, userId, createdAt, authenticatedAt, expiry, format]));
}

/** Throws where the store has kept another version than the one that the data was encrypted with. */
function ofItsOwnVersion<Outcome extends WriteOutcome | boolean>(outcome: Outcome | Saved): Outcome {
  if (typeof outcome === "object" && "saved" in outcome) {
    throw new Error(
      "The store made a version of its own, and the data was encrypted with the version that it was given, so it cannot be " +
        "read again. Give encryptedStore a store that keeps the version of a record.",
    );
  }
  return outcome;
}

function checkStore(store: Store): void {
  const takes =
    "a store on the server that keeps records as they are, such as redisStore or postgresStore makes";
  if (typeof store?.read !== "function") throw new SettingsError("store", takes);
  if ((store.ticket?.kind ?? "keyed") !== "keyed") {
    throw new SettingsError("store", `${takes}: neither cookies nor Django's table have room for ours`);
  }
  if (store.capabilities?.keepsLoginTime === false) {
    throw new SettingsError(
      "store",
      `${takes}: this one keeps no time of login, which belongs to the encryption`,
    );
  }
}
