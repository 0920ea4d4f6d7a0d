/**
 * The data of a record is a text of one or two JSON objects. The first is the visitor's dictionary. The second, where there
 * is one, belongs to the framework: its members are no keys of the dictionary, and a new record never copies it. The second
 * object begins at the first `}\n{`, which no JSON text contains, so that pretty-printed data stays valid. To stores it is
 * one opaque text.
 */

/** The framework's own object. A member that is not there has never been set. */
export interface Extras {
  /**
   * The record was made by a change of key that was taken back, because its request had failed. `userId` is the user to whom
   * the data belongs, or null: a login by the old key takes the data over where that is null or the same user.
   */
  readonly undone?: { readonly userId: string | null };
  /** The device's name, as the login gave it. */
  readonly label?: string | undefined;
  /** The time at which the password was last given again, epoch milliseconds. */
  readonly confirmedAt?: number | undefined;
  /** The binding of the session to a device, where the option `deviceBound` was set at the login. */
  readonly device?: Device;
  /** The functions that `session.once` has run for each key of the dictionary, and the one that is running. */
  readonly once?: Readonly<Record<string, Runs>>;
}

/** The device to which a session is bound, or may be. */
export interface Device {
  /** The secret of the session's bound cookies and challenges: 32 random bytes in base64url, made by the write of the login. */
  readonly s: string;
  /** The public key of the device; absent until the device has registered one. */
  readonly k?: DeviceKey;
  /** The time at which the key came, epoch milliseconds. */
  readonly at?: number;
  /** The time of the first request that showed a valid bound cookie, epoch milliseconds. */
  readonly since?: number;
}

/** A public key as JWK (RFC 7517), without the members that the key does not need. */
export type DeviceKey =
  | { readonly kty: "EC"; readonly crv: "P-256"; readonly x: string; readonly y: string }
  | { readonly kty: "RSA"; readonly n: string; readonly e: string };

/** The runs of `session.once` for one key. */
export interface Runs {
  /** The number of runs that have stored a value. */
  readonly stored: number;
  /** The run that is under way. It has died when its time is over, epoch milliseconds. */
  readonly lease?: { readonly holder: number; readonly until: number };
}

/** A change of the framework's object: a function of the one that is there now. */
export type ExtrasChange = (there: Extras) => Extras;

/** The place of the line break before the second object; -1 where there is none. */
function boundaryOf(data: string): number {
  // JSON.stringify writes no line break, so that most searches end here, and one character is found faster than three.
  let at = data.indexOf("\n");
  while (at !== -1 && !(data[at - 1] === "}" && data[at + 1] === "{")) at = data.indexOf("\n", at + 1);
  return at;
}

/** The dictionary's part of a record's data. */
export function dictionaryOf(data: string): string {
  const boundary = boundaryOf(data);
  return boundary === -1 ? data : data.slice(0, boundary);
}

/** The framework's part, with the line break before it; empty where there is none. */
export function extrasTextOf(data: string): string {
  const boundary = boundaryOf(data);
  return boundary === -1 ? "" : data.slice(boundary);
}

/** The framework's object. Throws a SyntaxError where it is not a JSON object, or a member is of another type. */
export function extrasOf(data: string): Extras {
  const text = extrasTextOf(data);
  if (text === "") return {};
  const extras = JSON.parse(text) as Extras;
  if (!isExtras(extras)) throw new SyntaxError("not the framework's object");
  return extras;
}

/** Whether each member has its type. Members of later releases may be there too. */
function isExtras(extras: Extras): boolean {
  const { undone = { userId: null }, label = "", confirmedAt = 0, device, once = {} } = extras;
  const isRuns = (runs: unknown) =>
    isObject<Runs>(runs) && typeof runs.stored === "number" && isLease(runs.lease);
  return (
    isObject<Extras["undone"]>(undone) &&
    (undone.userId === null || typeof undone.userId === "string") &&
    typeof label === "string" &&
    typeof confirmedAt === "number" &&
    (device === undefined || isDevice(device)) &&
    isObject(once) &&
    Object.values(once).every(isRuns)
  );
}

function isLease(lease: Runs["lease"]): boolean {
  if (lease === undefined) return true;
  return isObject(lease) && typeof lease.holder === "number" && typeof lease.until === "number";
}

const isDevice = (device: Device | null): boolean =>
  isObject<Device>(device) &&
  typeof device.s === "string" &&
  (device.k === undefined || typeof device.k?.kty === "string") &&
  isOptionalNumber(device.at) &&
  isOptionalNumber(device.since);

const isOptionalNumber = (value: unknown) => value === undefined || typeof value === "number";

const isObject = <T = object>(value: unknown): value is NonNullable<T> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The data of a dictionary and an object of the framework. */
export function withExtras(dictionary: string, extras: Extras): string {
  const text = JSON.stringify(extras);
  return text === "{}" ? dictionary : `${dictionary}\n${text}`;
}

/**
 * The same data after changes of the framework's object, made one after the other. To be called within the `next` of a write, so
 * that they are made on the object that is there then: they need no replay, and `onConflict` never sees them.
 */
export function changeExtras(data: string, changes: readonly ExtrasChange[]): string {
  if (changes.length === 0) return data;
  const there = extrasOf(data);
  return withExtras(
    dictionaryOf(data),
    changes.reduce((extras, change) => change(extras), there),
  );
}
