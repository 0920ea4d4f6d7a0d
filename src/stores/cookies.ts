/**
 * Sessions in the cookie itself: the server stores nothing, and no round trip is made.
 *
 * A cookie cannot be revoked: a copy of it works until it expires, also after a logout. It cannot be listed by user. And it
 * cannot be compared with a newer one: of two requests at once, the response that arrives last wins.
 */
import { randomBytes } from "node:crypto";
import type { StoredRecord, StoreId } from "../contract/record.ts";
import { dictionaryOf, extrasOf, withExtras } from "../contract/record-data.ts";
import type { Store } from "../contract/store.ts";
import type { Ticket } from "../contract/ticket.ts";
import { CookieTooLargeError, SettingsError } from "../errors.ts";
import { Encrypter } from "./cookies/jwe.ts";
import { checkSecrets } from "./encryption/secrets.ts";
import { Signer } from "./signing/signer.ts";

export interface CookieStoreOptions {
  /**
   * The first secret seals; all are accepted. Put a new one in front, and drop the old one when its cookies have expired. A
   * secret has 32 characters or more.
   */
  readonly secrets: readonly string[];
  /**
   * A cookie that was sealed for one purpose is not accepted for another. Default is the name of the cookie, so that two
   * `session()` may share a secret; signed cookies of both default names have Django's salt. Give a purpose where cookies must
   * stay valid under a new name. In signed cookies `"django"` is Django's salt under any name.
   */
  readonly purpose?: string;
}

/** The most that browsers keep of a name and a value together, bytes (RFC 6265bis, 5.6). */
const LARGEST_COOKIE = 4096;

/** The largest size that a signed cookie may inflate to, bytes: a browser keeps 4 kB of it. */
const LARGEST_INFLATED = 1 << 20;

/** Seals records for one purpose. */
interface Seal {
  seal(record: StoredRecord): string;
  /** null for a value that none of our secrets sealed for this purpose. */
  open(value: string): StoredRecord | null;
}

/** The salt with which Django signs session cookies; for other purposes it signs with other salts. */
const DJANGO_SALT = "django.contrib.sessions.backends.signed_cookies";
/** The purposes that have Django's salt: the default names of the cookie, and Django itself. */
const DJANGO_PURPOSES = ["sessionid", "__Host-sessionid", "django"];
/** The life of a cookie that Django signed, which does not say when it expires: Django's default of two weeks. */
const DJANGO_AGE_MS = 1_209_600_000;
/** The key of the record's own fields beside those of the data. Django reserves names that begin with "_". */
const FIELDS = "_coatcheck";

/**
 * Sessions in cookies that visitors can read but not change: Django's signed cookies, with Django's salt and format, so
 * that under one secret each side reads the data of the other. Throws a SettingsError for options that cannot work.
 */
export function signedCookieStore(options: CookieStoreOptions): Store {
  const secrets = checked(options);
  return cookieStore(options.purpose, (purpose) => signedSeal(secrets, purpose));
}

function signedSeal(secrets: readonly string[], purpose: string): Seal {
  const signer = new Signer(
    secrets,
    DJANGO_PURPOSES.includes(purpose) ? DJANGO_SALT : `${DJANGO_SALT}:${purpose}`,
    LARGEST_INFLATED,
  );
  return {
    seal({ data, userId, createdAt, authenticatedAt, expiresAt, expiry }) {
      const members = parseObject(dictionaryOf(data));
      if (FIELDS in members) {
        throw new TypeError(
          `Signed cookies keep the key ${JSON.stringify(FIELDS)} for their own fields, so a session in one cannot have it. ` +
            "Give yours another name.",
        );
      }
      const fields = [userId, createdAt, authenticatedAt, expiresAt, expiry, ...shownExtras(data)];
      return signer.sign(JSON.stringify(Object.assign(members, { [FIELDS]: fields })), Date.now());
    },
    open(value) {
      const signed = signer.unsign(value);
      if (signed === null) return null;
      const { [FIELDS]: fields = [null, signed.at, null, signed.at + DJANGO_AGE_MS, null], ...members } =
        parseObject(signed.json);
      const [, , , , , ...ours] = fields as string[];
      return recordOf([JSON.stringify(members), ...ours].join("\n"), fields);
    },
  };
}

/** The framework's part of the data, as far as a visitor may read it, as one text; none where it has nothing. */
function shownExtras(data: string): string[] {
  const { label, confirmedAt } = extrasOf(data);
  const text = withExtras("", { label, confirmedAt }).trim();
  return text === "" ? [] : [text];
}

/**
 * Sessions in cookies that visitors can neither read nor change: JWE with AES-256-GCM (RFC 7516). Throws a SettingsError for
 * options that cannot work.
 */
export function encryptedCookieStore(options: CookieStoreOptions): Store {
  const secrets = checked(options);
  return cookieStore(options.purpose, (purpose) => encryptedSeal(secrets, purpose));
}

function encryptedSeal(secrets: readonly string[], purpose: string): Seal {
  const encrypter = new Encrypter(secrets, purpose);
  return {
    // JSON has no raw line break, so the first one ends the fields.
    seal({ data, userId, createdAt, authenticatedAt, expiresAt, expiry }) {
      const fields = [userId, createdAt, authenticatedAt, expiresAt, expiry];
      return encrypter.encrypt(`${JSON.stringify(fields)}\n${data}`);
    },
    open(value) {
      const text = encrypter.decrypt(value);
      if (text === null) return null;
      const end = text.indexOf("\n");
      return recordOf(text.slice(end + 1), JSON.parse(text.slice(0, end)));
    },
  };
}

/** Returns the secrets, after a look at all options. */
function checked({ secrets, purpose }: CookieStoreOptions): readonly string[] {
  if (purpose !== undefined && (typeof purpose !== "string" || purpose === "")) {
    throw new SettingsError("purpose", "a text that is not empty", purpose);
  }
  checkSecrets(secrets, "a cookie store", "sign in as any user");
  return secrets;
}

/** Throws when the text is not a JSON object. A key named "__proto__" is a key like any other. */
function parseObject(json: string): Record<string, unknown> {
  const parsed: unknown = JSON.parse(json);
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
    return parsed as Record<string, unknown>;
  throw new SyntaxError("not a JSON object");
}

function recordOf(data: string, fields: unknown): StoredRecord {
  const [userId, createdAt, authenticatedAt, expiresAt, expiry] = fields as never[];
  return {
    data,
    version: 0,
    userId,
    createdAt,
    authenticatedAt,
    expiresAt,
    expiry,
    format: 1,
  } as unknown as StoredRecord;
}

/**
 * The core carries the record from cookie to cookie, so the verbs have nothing to do. Without a purpose of its own, the name of
 * the cookie is the purpose.
 */
function cookieStore(purpose: string | undefined, makeSeal: (purpose: string) => Seal): Store {
  const seals = new Map<string, Seal>();
  function sealOf(name: string): Seal {
    const wanted = purpose ?? name;
    const seal = seals.get(wanted) ?? makeSeal(wanted);
    seals.set(wanted, seal);
    return seal;
  }
  return {
    name: "cookies",
    capabilities: { compareAndSet: false, expiresNatively: true },
    ticket: ticketOf(sealOf),
    read: async () => null,
    create: async () => true,
    update: async () => "saved",
    rotate: async () => "saved",
    touch: async () => true,
    delete: async () => undefined,
  };
}

/** Random, so that logs tell one process from another. It is made late, because workerd has no randomness at the start. */
let prefix = "";
let count = 0;

/** The core tells sessions apart by id. The id of a cookie means nothing beyond its request, so it only has to be unique. */
function newId(): StoreId {
  prefix ||= randomBytes(24).toString("hex");
  count += 1;
  return `${prefix}${count.toString(16).padStart(16, "0")}` as StoreId;
}

function ticketOf(sealOf: (name: string) => Seal): Ticket {
  return {
    kind: "carried",
    mint: () => ({ key: null, id: newId() }),
    parse(value, name) {
      try {
        const record = sealOf(name).open(value);
        return record === null ? null : { key: null, id: newId(), record };
      } catch {
        return null; // Sealed with our secret, and yet no session: another program has the secret.
      }
    },
    issue({ record }, name) {
      const value = sealOf(name).seal(record);
      const size = name.length + value.length;
      if (size > LARGEST_COOKIE)
        throw new CookieTooLargeError(size, LARGEST_COOKIE, largestKeys(record.data));
      return value;
    },
  };
}

function largestKeys(data: string): string[] {
  const sizes = Object.entries(parseObject(dictionaryOf(data))).map(
    ([key, value]) => [key, JSON.stringify(value).length] as const,
  );
  return sizes.sort(([, a], [, b]) => b - a).map(([key, size]) => `${key} (${size})`);
}
