/** The text in `session_data`: Django's signed JSON, in which user and expiry are keys like any other. */
import { createHash } from "node:crypto";
import type { StoredRecord } from "../../contract/record.ts";
import { dictionaryOf, extrasTextOf } from "../../contract/record-data.ts";
import { decodeExpiry, encodeExpiry } from "../../engine/expiry.ts";
import { Signer } from "../signing/signer.ts";
import { canonical, isRounded, type Member, membersOf, objectOf, plainJson } from "./members.ts";
import type { Zone } from "./zone.ts";

/** The salt of `SessionStore` in Django's engines `db`, `cached_db` and `file`. */
const SALT = "django.contrib.sessions.SessionStore";

/** The size to which a row may inflate, bytes. */
const LARGEST = 1 << 26;

const USER_ID = "_auth_user_id";
const BACKEND = "_auth_user_backend";
const HASH = "_auth_user_hash";
const EXPIRY = "_session_expiry";
const CSRF = "_csrftoken";

/** The keys that are fields of a session here, and not keys of its dictionary. */
const FIELDS: readonly string[] = [USER_ID, BACKEND, HASH, EXPIRY];

/** A session as its text says. */
export interface DjangoSession {
  readonly json: string;
  readonly members: ReadonlyMap<string, Member>;
  /** The time of signing, which is the last write, epoch milliseconds. */
  readonly at: number;
}

/** The marks of a user who signs in, as Django's `login` makes them. */
export interface DjangoLogin {
  readonly id: string;
  readonly backend: string;
  readonly hash: string;
}

/** The writing of dates as `_session_expiry`. */
export interface ExpiryForm {
  readonly zone: Zone;
  /** With USE_TZ off Django computes with dates that name no offset. */
  readonly isNaive: boolean;
  /** Before Django 4.1 there are no dates: the seconds left are written. */
  readonly hasDates: boolean;
}

/** 53 bits of SHA-256: Django's table has no column for a version. */
export function versionOf(text: string): number {
  const hash = createHash("sha256").update(text).digest();
  return Number(hash.readBigUInt64BE() >> 11n);
}

export class SessionTexts {
  readonly #signer: Signer;
  readonly #form: ExpiryForm;

  constructor(secrets: readonly string[], form: ExpiryForm) {
    this.#signer = new Signer(secrets, SALT, LARGEST);
    this.#form = form;
  }

  /** null for a text that none of the secrets signed, and for one that is no JSON object (a pickled session). */
  read(text: string): DjangoSession | null {
    const signed = this.#signer.unsign(text);
    if (signed === null) return null;
    try {
      const parsed: unknown = JSON.parse(plainJson(signed.json));
      if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return null;
    } catch {
      return null;
    }
    return { ...signed, members: membersOf(signed.json) };
  }

  /** The user and the hash that confirms it; null where no user is signed in. */
  userOf({ members }: DjangoSession): { id: string; hash: string } | null {
    const id = members.get(USER_ID);
    return id === undefined ? null : { id: textIn(id), hash: textIn(members.get(HASH)) };
  }

  /** The record of a session whose user was confirmed. */
  recordOf(session: DjangoSession, text: string, expiresAt: number): StoredRecord {
    const ordinary = [...session.members].filter(([key]) => !FIELDS.includes(key));
    return {
      data: objectOf(ordinary.map(([, { name, value }]) => ({ name, value: plainJson(value) }))),
      version: versionOf(text),
      userId: this.userOf(session)?.id ?? null,
      createdAt: session.at,
      authenticatedAt: null,
      expiresAt,
      expiry: this.expiryOf(session),
      format: 1,
    };
  }

  /** `_session_expiry` as a record has it. */
  expiryOf({ members }: DjangoSession): number | null {
    const member = members.get(EXPIRY);
    const value: unknown = member === undefined ? null : JSON.parse(plainJson(member.value));
    if (typeof value === "number") return encodeExpiry(Math.max(-FARTHEST, Math.min(FARTHEST, value)));
    if (typeof value === "boolean") return Number(value); // Python's False is 0.
    const moment = typeof value === "string" ? this.#form.zone.momentOf(value) : Number.NaN;
    return Number.isNaN(moment) ? null : encodeExpiry(new Date(moment));
  }

  /**
   * Signs the text of a record. Every member of `stored` that the record does not change keeps its bytes, and so do the marks
   * of the user; a login makes these anew, and drops the CSRF token as Django does. The text always differs from the stored one.
   * Throws a TypeError for what Django's table cannot keep.
   */
  write(record: StoredRecord, stored: DjangoSession | null, login: DjangoLogin | null, now: number): string {
    if (extrasTextOf(record.data) !== "") {
      throw new TypeError(
        "Django's table has no place for what this call stores beside the data of a session.",
      );
    }
    const members = merged(stored?.members ?? new Map(), membersOf(dictionaryOf(record.data)));
    if (stored === null || this.expiryOf(stored) !== record.expiry) {
      members.delete(EXPIRY);
      if (record.expiry !== null) put(members, EXPIRY, this.#expiryValue(record.expiry, now));
    }
    if (login !== null) {
      for (const key of [USER_ID, BACKEND, HASH, CSRF]) members.delete(key);
      put(members, USER_ID, login.id);
      put(members, BACKEND, login.backend);
      put(members, HASH, login.hash);
    }
    const json = objectOf(members.values());
    // The text is the version, so that the same data gets a later time.
    return this.#signer.sign(json, json === stored?.json ? Math.max(now, stored.at + 1000) : now);
  }

  #expiryValue(expiry: number, now: number): number | string {
    const decoded = decodeExpiry(expiry);
    if (!(decoded instanceof Date)) return decoded ?? 0;
    const { zone, isNaive, hasDates } = this.#form;
    // Zero would mean "until the browser closes".
    if (!hasDates) return Math.floor((decoded.getTime() - now) / 1000) || -1;
    if (isNaive) return zone.textOf(decoded.getTime()).replace(" ", "T");
    return decoded.toISOString().replace("Z", "+00:00");
  }
}

/** The longest expiry in seconds that a record takes for seconds. */
const FARTHEST = 1e11 - 1;

/** The text in a member, or the number in it as text; empty where it holds neither. */
function textIn(member: Member | undefined): string {
  const value: unknown = member === undefined ? "" : JSON.parse(plainJson(member.value));
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function put(members: Map<string, Member>, key: string, value: number | string): void {
  members.set(key, { name: JSON.stringify(key), value: JSON.stringify(value) });
}

/** The stored members, changed as the data says. */
function merged(stored: ReadonlyMap<string, Member>, data: ReadonlyMap<string, Member>): Map<string, Member> {
  const members = new Map<string, Member>();
  for (const [key, member] of stored) {
    const wanted = FIELDS.includes(key) ? member : data.get(key);
    if (wanted === undefined) continue;
    if (wanted === member || canonical(wanted.value) === canonical(member.value)) members.set(key, member);
    else if (isRounded(member.value, wanted.value)) {
      throw new TypeError(
        `The value of ${JSON.stringify(key)} was changed, and holds a number of Python's that JavaScript cannot carry: it would be ` +
          "stored rounded, so nothing was stored. Change this key in Django, or set it to a value without that number.",
      );
    } else members.set(key, { name: member.name, value: wanted.value });
  }
  for (const [key, member] of data) {
    if (FIELDS.includes(key)) {
      throw new TypeError(
        `In Django's table the key ${JSON.stringify(key)} belongs to login() and setExpiry(), so a session there cannot have it. ` +
          "Call those, or give your key another name.",
      );
    }
    if (!stored.has(key)) members.set(key, member);
  }
  return members;
}
