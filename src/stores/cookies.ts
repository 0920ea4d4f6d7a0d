/**
 * Sessions that live in the cookie itself: nothing is stored on the server, and no round trip is made.
 *
 * What a cookie cannot do: be revoked (a copy of it works until it expires, after a logout too), be listed by user, or be
 * compared with a newer one (of two requests at once, the response that arrives last wins).
 */
import { randomBytes } from "node:crypto";
import type { StoredRecord, StoreId } from "../contract/record.ts";
import type { Store } from "../contract/store.ts";
import type { Ticket } from "../contract/ticket.ts";
import { parseData } from "../data/json.ts";
import { CookieTooLargeError, SettingsError } from "../errors.ts";
import { Encrypter } from "./cookies/jwe.ts";
import { Signer } from "./cookies/signing.ts";

export interface CookieStoreOptions {
  /** The first seals; all are accepted. Put a new one in front, and drop the old when its cookies have expired. 32 characters or more. */
  readonly secrets: readonly string[];
}

/** What browsers keep of a name and a value together (RFC 6265bis, 5.6). */
const LARGEST_COOKIE = 4096;

interface Seal {
  seal(record: StoredRecord): string;
  /** null for what was not sealed with a secret of ours. */
  open(value: string): StoredRecord | null;
}

/** The salt by which Django keeps its session cookies apart from all else that it signs. */
const DJANGO_SALT = "django.contrib.sessions.backends.signed_cookies";
/** Django's default, for cookies that Django signed: they do not say when they expire. */
const DJANGO_AGE_MS = 1_209_600_000;
/** Where the record's own fields stand among the keys. Django reserves names that begin with "_". */
const FIELDS = "_coatcheck";

/**
 * Sessions in cookies that visitors can read but not change: Django's signed cookies, with Django's salt and format, so
 * that either side reads the other's data under one secret.
 */
export function signedCookieStore({ secrets }: CookieStoreOptions): Store {
  const signer = new Signer(checked(secrets), DJANGO_SALT);
  return cookieStore({
    seal({ data, userId, createdAt, authenticatedAt, expiresAt, expiry }) {
      const fields = [userId, createdAt, authenticatedAt, expiresAt, expiry];
      return signer.sign(JSON.stringify(Object.assign(parseData(data), { [FIELDS]: fields })), Date.now());
    },
    open(value) {
      const signed = signer.unsign(value);
      if (signed === null) return null;
      const { [FIELDS]: fields, ...data } = parseData(signed.json);
      const born = [null, signed.at, null, signed.at + DJANGO_AGE_MS, null];
      return recordOf(JSON.stringify(data), fields ?? born);
    },
  });
}

/** Sessions in cookies that visitors can neither read nor change: JWE with AES-256-GCM. */
export function encryptedCookieStore({ secrets }: CookieStoreOptions): Store {
  const encrypter = new Encrypter(checked(secrets));
  return cookieStore({
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
  });
}

function checked(secrets: unknown): readonly string[] {
  const isList = Array.isArray(secrets) && secrets.length > 0;
  if (!isList || !secrets.every((secret) => typeof secret === "string" && secret !== "")) {
    throw new SettingsError("secrets", "a list of one or more secret strings, the one to seal with first");
  }
  if (secrets[0].length < 32) {
    globalThis.process?.emitWarning?.(
      "The first secret of a cookie store has fewer than 32 characters, and whoever guesses it can sign in as anybody. " +
        "Make one with: node -p \"crypto.randomBytes(32).toString('hex')\"",
      { type: "CoatcheckWarning", code: "COATCHECK_SHORT_SECRET" },
    );
  }
  return secrets;
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

/** The core carries the record from cookie to cookie; to the verbs there is nothing left to do. */
function cookieStore(seal: Seal): Store {
  return {
    capabilities: { compareAndSet: false, expiresNatively: true },
    ticket: ticketOf(seal),
    read: async () => null,
    create: async () => true,
    update: async () => "saved",
    rotate: async () => "saved",
    touch: async () => true,
    delete: async () => undefined,
  };
}

/** Random, to tell one process from another in logs. Not made at the start, where workerd has no randomness. */
let prefix = "";
let count = 0;

/** The core tells sessions apart by id. That of a cookie means nothing beyond its request, so it need only be its own. */
function newId(): StoreId {
  prefix ||= randomBytes(24).toString("hex");
  count += 1;
  return `${prefix}${count.toString(16).padStart(16, "0")}` as StoreId;
}

function ticketOf({ seal, open }: Seal): Ticket {
  return {
    mint: () => ({ key: null, id: newId() }),
    parse(value) {
      try {
        const sealed = open(value);
        return sealed === null ? null : { key: null, id: newId(), sealed };
      } catch {
        return null; // Sealed with our secret, and yet no session: whoever has the secret sealed something else.
      }
    },
    issue({ record }, name) {
      const value = seal(record);
      const size = name.length + value.length;
      if (size > LARGEST_COOKIE)
        throw new CookieTooLargeError(size, LARGEST_COOKIE, largestKeys(record.data));
      return value;
    },
  };
}

function largestKeys(data: string): string[] {
  const sizes = Object.entries(parseData(data)).map(
    ([key, value]) => [key, JSON.stringify(value).length] as const,
  );
  return sizes.sort(([, a], [, b]) => b - a).map(([key, size]) => `${key} (${size})`);
}
