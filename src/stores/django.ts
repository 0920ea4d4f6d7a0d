/**
 * Sessions in the table of a running Django site (`SESSION_ENGINE = "django.contrib.sessions.backends.db"`), so that one visitor
 * has one session on both: signed in here, signed in there.
 *
 *   CREATE TABLE django_session (
 *     session_key  varchar(40) NOT NULL PRIMARY KEY, -- the key itself
 *     session_data text        NOT NULL,             -- signed JSON, user and expiry among its keys
 *     expire_date  timestamptz NOT NULL
 *   );
 *
 * Django makes the table; here it is only used. The version of a record is made of its text. Every write names the text that it
 * replaces, and that it has not expired. It takes two statements, because the bytes of what it does not change are kept: one reads
 * the text, one replaces it.
 */
import { type Call, signalOf } from "../contract/call.ts";
import type { StoredRecord, StoreId } from "../contract/record.ts";
import type { Store, StoreCall, WriteOutcome } from "../contract/store.ts";
import { clearTicket, keyOf } from "../cookie/clear-key.ts";
import { SessionUserError, SettingsError } from "../errors.ts";
import { connect, type DjangoDatabase } from "./django/connect.ts";
import { checkDates } from "./django/dates.ts";
import { Moves } from "./django/moves.ts";
import { quoted, type SessionRow, sessionsTable, type UserColumns, usersTable } from "./django/tables.ts";
import { type DjangoLogin, type DjangoSession, SessionTexts, versionOf } from "./django/text.ts";
import { type DjangoUser, type FindUser, SessionHashes } from "./django/users.ts";
import { Zone } from "./django/zone.ts";

export { SessionUserError } from "../errors.ts";
export type { DjangoDatabase } from "./django/connect.ts";
export type { DjangoUser } from "./django/users.ts";

/** The table of users, where it is not Django's own. What is left out is as in Django's `auth_user`. */
export interface DjangoUsersTable {
  /** Default `auth_user`. */
  readonly table?: string;
  /** The column of the primary key. Default `id`. */
  readonly id?: string;
  /** The column of the password's hash. Default `password`. */
  readonly password?: string;
  /** The column that says whether the user is active; null where there is none. Default `is_active`. */
  readonly active?: string | null;
  /** The authentication backend that Django finds the user by. Default `django.contrib.auth.backends.ModelBackend`. */
  readonly backend?: string;
}

export interface DjangoStoreOptions {
  /**
   * The database of the Django site: a `Pool` of `pg`, a pool of `mysql2`, an open SQLite database, or the path of one that exists.
   * What you give stays yours: the store never ends it.
   */
  readonly database: DjangoDatabase;
  /** Django's SECRET_KEY. */
  readonly secretKey: string | undefined;
  /** Django's SECRET_KEY_FALLBACKS: earlier keys, which are still accepted. Default none. */
  readonly secretKeyFallbacks?: readonly string[] | undefined;
  /** The table of sessions, or `schema.table`. Default `django_session`. */
  readonly table?: string | undefined;
  /** The table of users, or a function that finds a user by the id in the session. Default Django's `auth_user`. */
  readonly users?: DjangoUsersTable | ((id: string) => Promise<DjangoUser | null>) | undefined;
  /** Django's USE_TZ. Default true. If it is false, give `timeZone`. */
  readonly useTz?: boolean | undefined;
  /** Django's TIME_ZONE. It counts only where USE_TZ is off, and must be given then. */
  readonly timeZone?: string | undefined;
  /** The version of Django, such as `"3.2"`. Before 4.1 a date given to `setExpiry` is stored as the seconds left. Default: newer. */
  readonly djangoVersion?: string | undefined;
}

export interface DjangoStore extends Store {
  clearExpired: NonNullable<Store["clearExpired"]>;
  check: NonNullable<Store["check"]>;
  close: NonNullable<Store["close"]>;
}

const BACKEND = "django.contrib.auth.backends.ModelBackend";

/** A store in the table of a running Django site, 3.1 or newer. Nothing is sent before the first call. Throws SettingsError. */
export function djangoStore(options: DjangoStoreOptions): DjangoStore {
  const secrets = secretsOf(options);
  const connection = connect(options.database);
  const zone = zoneOf(options);
  const { users: given, table: name = "django_session" } = options;
  const columnsDates = connection.dialect.datesHaveOffset ? new Zone(null) : zone;
  const table = sessionsTable(connection, quoted(connection, "table", name), columnsDates);
  const findUser: FindUser =
    typeof given === "function" ? async (id) => given(id) : usersTable(connection, columnsOf(given));
  const backend = (typeof given === "function" ? undefined : given?.backend) ?? BACKEND;
  const hashes = new SessionHashes(secrets);
  const texts = new SessionTexts(secrets, {
    zone,
    isNaive: options.useTz === false,
    hasDates: hasDates(options.djangoVersion),
  });
  const moves = new Moves();

  /** The row and its session; null where there is none, or where the text is not for us to judge. */
  async function look(id: StoreId, call: Call): Promise<{ row: SessionRow; session: DjangoSession } | null> {
    const row = await table.find(keyOf(id), call.now, signalOf(call));
    const session = row === null ? null : texts.read(row.text);
    return row === null || session === null ? null : { row, session };
  }

  /** Whether Django would confirm the user of a session. */
  async function isConfirmed(session: DjangoSession, call: Call): Promise<boolean> {
    const claimed = texts.userOf(session);
    if (claimed === null) return true;
    const user = await findUser(claimed.id, signalOf(call));
    return user?.isActive === true && hashes.fits(claimed.hash, user);
  }

  /** The marks of the user who signs in with this record; null where no login is part of it. */
  async function loginOf({ userId, authenticatedAt }: StoredRecord, call: Call): Promise<DjangoLogin | null> {
    // A record that was read has no time of login, so one that has it was signed in by this request.
    if (userId === null || authenticatedAt === null) return null;
    const user = await findUser(userId, signalOf(call));
    if (user?.isActive !== true) throw new SessionUserError();
    return { id: userId, backend, hash: hashes.of(user) };
  }

  /** Replaces a row that is as `expected` says, at its key or at a new one. */
  async function replace(
    id: StoreId,
    newId: StoreId,
    record: StoredRecord,
    expected: number,
    call: Call,
  ): Promise<WriteOutcome> {
    const signal = signalOf(call);
    const movedTo = moves.find(id, call.now);
    if (movedTo !== null) return { movedTo };
    const seen = await look(id, call);
    if (seen === null) return await whyGone(id, call);
    if (versionOf(seen.row.text) !== expected) return "conflict";
    const login = id === newId ? null : await loginOf(record, call);
    const text = texts.write(record, seen.session, login, call.now);
    const [key, newKey, row] = [keyOf(id), keyOf(newId), { text, expiresAt: record.expiresAt }];
    const isDone =
      id === newId
        ? await table.replace(key, seen.row, row, call.now, signal)
        : await moves.make(id, newId, call.now, () =>
            table.move(key, seen.row, newKey, row, call.now, signal),
          );
    if (isDone) return { saved: versionOf(text) };
    return (await look(id, call)) === null ? await whyGone(id, call) : "conflict";
  }

  async function whyGone(id: StoreId, call: Call): Promise<WriteOutcome> {
    const movedTo = await moves.findLater(id, call.now);
    return movedTo === null ? "gone" : { movedTo };
  }

  return {
    name: "django",
    capabilities: { keepsLoginTime: false, keepsExtras: false },
    ticket: clearTicket,

    async read(id, call) {
      if (moves.find(id, call.now) !== null) return "moved";
      const seen = await look(id, call);
      if (seen === null) return (await moves.findLater(id, call.now)) === null ? null : "moved";
      const { row, session } = seen;
      return (await isConfirmed(session, call)) ? texts.recordOf(session, row.text, row.expiresAt) : null;
    },

    async create(id, record, call) {
      if (moves.find(id, call.now) !== null) return false;
      const signal = signalOf(call);
      const login = await loginOf(record, call);
      const text = texts.write(record, null, login, call.now);
      const { expiresAt } = record;
      return (await table.insert(keyOf(id), { text, expiresAt }, signal)) && { saved: versionOf(text) };
    },

    update: (id, record, expected, call) => replace(id, id, record, expected, call),

    rotate: (oldId, newId, record, expected, call) => replace(oldId, newId, record, expected, call),

    async touch(id, expiresAt, version, call) {
      const signal = signalOf(call);
      const row = await table.find(keyOf(id), call.now, signal);
      if (row === null || versionOf(row.text) !== version) return false;
      if (row.expiresAt >= expiresAt || (await table.touch(keyOf(id), row, expiresAt, call.now, signal)))
        return true;
      // Another request may have moved it as late in the meantime.
      const now = await table.find(keyOf(id), call.now, signal);
      return now !== null && now.text === row.text && now.expiresAt >= expiresAt;
    },

    async delete(id, call) {
      const known = moves.find(id, call.now);
      if (known !== null) return { movedTo: known };
      if (await table.remove(keyOf(id), signalOf(call))) return undefined;
      const movedTo = await moves.findLater(id, call.now);
      return movedTo === null ? undefined : { movedTo };
    },

    async clearExpired(call) {
      const signal = signalOf(call);
      checkDates(await table.newest(NEWEST, signal), texts, options.useTz ?? true);
      return await table.clearExpired(call.now, call.limit, signal);
    },

    check: (call) => check(call),

    async close() {
      connection.close();
    },
  };

  async function check(call: StoreCall): Promise<void> {
    const signal = signalOf(call);
    const newest = await table.newest(NEWEST, signal);
    if (newest.length > 0 && newest.every(({ text }) => texts.read(text) === null)) {
      throw new Error(
        `The newest sessions in ${name} were not signed with this secretKey, or are no JSON. Give Django's SECRET_KEY, and ` +
          "SECRET_KEY_FALLBACKS; Django's SESSION_SERIALIZER must be the one for JSON.",
      );
    }
    checkDates(newest, texts, options.useTz ?? true);
    const none = { text: "", expiresAt: 0 };
    await table.move("", none, "", none, call.now, signal);
    await table.touch("", none, 0, call.now, signal);
    await table.remove("", signal);
    await findUser("0", signal);
  }
}

/** The number of rows that are looked at for a wrong time zone. */
const NEWEST = 20;

/** Throws a SettingsError, which shows no secret. */
function secretsOf({ secretKey, secretKeyFallbacks = [] }: DjangoStoreOptions): string[] {
  const isSecret = (secret: unknown): secret is string => typeof secret === "string" && secret !== "";
  if (!isSecret(secretKey)) {
    throw new SettingsError(
      "secretKey",
      "Django's SECRET_KEY, a string. Where it comes from the environment, the variable is not set",
    );
  }
  if (!Array.isArray(secretKeyFallbacks) || !secretKeyFallbacks.every(isSecret)) {
    throw new SettingsError("secretKeyFallbacks", "a list of strings, as Django's SECRET_KEY_FALLBACKS");
  }
  return [secretKey, ...secretKeyFallbacks];
}

function zoneOf({ useTz = true, timeZone }: DjangoStoreOptions): Zone {
  if (typeof useTz !== "boolean")
    throw new SettingsError("useTz", "true or false, as Django's USE_TZ", useTz);
  if (useTz) return new Zone(null);
  if (typeof timeZone !== "string") {
    throw new SettingsError(
      "timeZone",
      "Django's TIME_ZONE where useTz is false: without it sessions would end hours too early or too late",
    );
  }
  return new Zone(timeZone);
}

function columnsOf({ table, id, password, active }: DjangoUsersTable = {}): UserColumns {
  return {
    table: table ?? "auth_user",
    id: id ?? "id",
    password: password ?? "password",
    active: active === undefined ? "is_active" : active,
  };
}

/** Whether this version of Django reads dates in `_session_expiry`: 4.1 and newer do. */
function hasDates(version: string | undefined): boolean {
  if (version === undefined) return true;
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined) throw new SettingsError("djangoVersion", 'a version such as "4.2"', version);
  return Number(major) > 4 || (Number(major) === 4 && Number(minor) >= 1);
}
