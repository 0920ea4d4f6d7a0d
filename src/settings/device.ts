import { keepsExtras, type Store } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { type CookieSettings, secureNameOf } from "./cookie.ts";
import { isCount, Reader } from "./reader.ts";

/** The option `deviceBound`, checked. */
export interface DeviceSettings {
  /** Seconds. */
  readonly cookieAge: number;
  readonly path: string;
}

const isBoundAge = (value: unknown) => isCount(value) && (value as number) <= 86_400;

/** Only characters that every router and every browser leaves as they are, and no `.` or `..` as a step. */
const isPlainPath = (value: unknown) =>
  typeof value === "string" && /^(\/(?!\.{1,2}(\/|$))[\w.~-]+)+$/.test(value);

/** Checks the option `deviceBound` and fills in the defaults. null where it is not asked for. */
export function readDeviceBound(
  given: unknown,
  cookie: CookieSettings,
  store: Store | undefined,
): DeviceSettings | null {
  if (given === undefined || given === false) return null;
  const read = new Reader(given === true ? {} : given, "deviceBound");
  const cookieAge = read.value("cookieAge", 600, "whole seconds, 1 to 86400", isBoundAge);
  const folder = cookie.path.endsWith("/") ? cookie.path : `${cookie.path}/`;
  const path = read.value(
    "path",
    `${folder}.coatcheck/${secureNameOf(cookie)}`,
    'a path of letters, digits and - _ . ~ between its slashes, such as "/device"',
    isPlainPath,
  );
  read.end();
  checkDeviceBound(cookie, store);
  // Where the default does not fit, by its characters or because the path of the cookie is none, one must be given.
  if (!isPlainPath(path) || !path.startsWith(folder)) {
    throw new SettingsError("deviceBound.path", `a path of plain letters under cookie.path, ${folder}`, path);
  }
  return { cookieAge, path };
}

/** Throws SettingsError where cookie or store cannot hold a session to its device. */
function checkDeviceBound(cookie: CookieSettings, store: Store | undefined): void {
  const refuse = (why: string) => {
    throw new SettingsError("deviceBound", `no value ${why}`);
  };
  const kind = store?.ticket?.kind ?? "keyed";
  if (kind === "carried")
    refuse("with a store that keeps sessions in cookies: one from before the binding would stay valid");
  if (kind === "clear" || (store !== undefined && !keepsExtras(store)))
    refuse("with this store, which has no place for the key of a device");
  if (store?.capabilities?.compareAndSet === false)
    refuse("with a store that cannot compare and set: the request beside the registration could undo it");
  if (cookie.domain !== null) refuse("together with cookie.domain: a browser binds the session of one host");
  if (cookie.partitioned) refuse("together with cookie.partitioned, which browsers do not bind");
  if (cookie.secure === false) refuse("together with cookie.secure: false, as browsers bind over https only");
}
