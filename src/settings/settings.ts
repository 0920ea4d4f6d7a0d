import type { Store } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { type CookieSettings, readCookie } from "./cookie.ts";
import { type DeviceSettings, readDeviceBound } from "./device.ts";
import { type LegacySettings, readLegacy } from "./legacy.ts";
import { isStore } from "./mistaken-options.ts";
import type { Options, Resolve, StandardSchema } from "./options.ts";
import { isCount, Reader } from "./reader.ts";

/** The options, checked, with their defaults. null where something was not asked for. */
export interface Settings {
  readonly store: Store;
  readonly cookie: CookieSettings;
  readonly cookieAge: number;
  readonly expireAtBrowserClose: boolean;
  readonly saveEveryRequest: boolean;
  readonly idleTimeout: number | null;
  readonly absoluteTimeout: number | null;
  readonly maxUserSessions: number | null;
  /** Epoch milliseconds. */
  readonly notBefore: number | null;
  readonly nestedChanges: "detect" | "ignore";
  readonly onConflict: "mine" | "theirs" | "error" | Resolve;
  readonly onInterrupted: "discard" | "error";
  readonly onUnavailable: "error" | "anonymous";
  readonly storeTimeout: number;
  readonly clearExpiredEvery: number;
  readonly lazy: boolean;
  readonly legacy: LegacySettings | null;
  readonly schema: StandardSchema | null;
  readonly deviceBound: DeviceSettings | null;
  readonly clock: () => number;
}

const isWait = (value: unknown) => typeof value === "number" && value > 0 && value <= 3600;
const isInterval = (value: unknown) => Number.isFinite(value) && (value as number) >= 0;

/** Schemas of arktype are functions. */
const isSchema = (value: unknown) =>
  (typeof value === "object" || typeof value === "function") &&
  typeof (value as StandardSchema | null)?.["~standard"]?.validate === "function";

const isSwitchOrObject = (value: unknown) =>
  typeof value === "boolean" || (typeof value === "object" && value !== null);
const isDate = (value: unknown) => value instanceof Date && !Number.isNaN(value.getTime());

/** Checks the options and fills in the defaults. Throws SettingsError, naming the option and what it takes. */
export function readSettings(options: Options): Settings {
  const read = new Reader(options, "");
  const store = read.value(
    "store",
    undefined as unknown as Store,
    "a store, such as sqliteStore(path) or memoryStore()",
    isStore,
  );
  const cookie = readCookie(read.value("cookie", {}, "an object", () => true));
  const settings: Settings = {
    store,
    cookie,
    cookieAge: read.age("cookieAge", 1_209_600),
    expireAtBrowserClose: read.flag("expireAtBrowserClose", false),
    saveEveryRequest: read.flag("saveEveryRequest", false),
    idleTimeout: read.age("idleTimeout", null),
    absoluteTimeout: read.age("absoluteTimeout", null),
    maxUserSessions: read.value<number | null>("maxUserSessions", null, "a whole number, 1 or more", isCount),
    notBefore: read.value<Date | null>("notBefore", null, "a valid Date", isDate)?.getTime() ?? null,
    nestedChanges: read.oneOf("nestedChanges", "detect", ["detect", "ignore"]),
    onConflict: read.value<Settings["onConflict"]>(
      "onConflict",
      "mine",
      '"mine", "theirs", "error" or a function (key, base, mine, theirs) => value',
      (value) => typeof value === "function" || ["mine", "theirs", "error"].includes(value as string),
    ),
    onInterrupted: read.oneOf("onInterrupted", "discard", ["discard", "error"]),
    onUnavailable: read.oneOf("onUnavailable", "error", ["error", "anonymous"]),
    storeTimeout: read.value("storeTimeout", 5, "seconds, more than 0 and at most 3600", isWait),
    clearExpiredEvery: read.value("clearExpiredEvery", 3600, "seconds, 0 or more", isInterval),
    lazy: read.flag("lazy", false),
    legacy: readLegacy(
      read.value<unknown>("legacy", undefined, "an object", () => true),
      options?.store,
    ),
    schema: read.value<StandardSchema | null>(
      "schema",
      null,
      "a schema with the Standard Schema interface, as zod, valibot and arktype make them",
      isSchema,
    ),
    deviceBound: readDeviceBound(
      read.value<unknown>(
        "deviceBound",
        undefined,
        "true, false or an object with cookieAge and path",
        isSwitchOrObject,
      ),
      cookie,
      store,
    ),
    clock: read.value(
      "clock",
      () => Date.now(), // Looked up at each call, because fake timers replace Date.now.
      "a function that returns epoch milliseconds",
      (value) => typeof value === "function",
    ),
  };
  read.end();
  if (settings.store === undefined) {
    throw new SettingsError(
      "store",
      "a store: here it has no default. Give one, such as sqliteStore(path) or memoryStore()",
    );
  }
  if (settings.absoluteTimeout !== null && settings.store.capabilities?.keepsLoginTime === false) {
    throw new SettingsError(
      "absoluteTimeout",
      "no value with this store, which keeps no time of login: it could not tell when such a session ends",
    );
  }
  checkLimits(settings);
  return settings;
}

/** Throws SettingsError where the store or the clock cannot do what `maxUserSessions` and `notBefore` ask. */
function checkLimits({ store, maxUserSessions, notBefore, clock }: Settings): void {
  const keepsLoginTime = store.capabilities?.keepsLoginTime !== false;
  if (maxUserSessions !== null && (store.listUser === undefined || !keepsLoginTime)) {
    throw new SettingsError(
      "maxUserSessions",
      "no value with this store: it cannot list the sessions of a user with the times of their logins",
    );
  }
  if (notBefore === null) return;
  if (!keepsLoginTime) {
    throw new SettingsError("notBefore", "no value with this store, which keeps no time of login");
  }
  // On workerd the clock stands at 0 while a program starts.
  const now = clock();
  if (now > 0 && notBefore > now) {
    throw new SettingsError(
      "notBefore",
      "a date that is not in the future, else no login would last",
      new Date(notBefore).toISOString(),
    );
  }
}
