/** The session as a library sees it, which knows its own keys and not those of the application. */

import type { KeyOf, ValueOf } from "./data/types.ts";
import type { OnceOptions } from "./engine/once.ts";
import type { Session } from "./session.ts";

/** The call signatures of a method for all keys, each written out: only so can the compiler compare two sessions. */
type ForEachKey<Data, Methods extends { [K in KeyOf<Data>]: unknown }> = Intersection<Methods[KeyOf<Data>]>;

type Intersection<Union> = (Union extends unknown ? (member: Union) => void : never) extends (
  all: infer All,
) => void
  ? All
  : never;

interface Read<Key, Value> {
  (key: Key): Value | undefined;
  (key: Key, fallback: Value): Value;
  (key: Key, fallback: Value | null): Value | null;
}

type Update<Key, Value> = <Next extends Value | undefined>(
  key: Key,
  updater: (current: Value | undefined) => Next,
) => Next;

type Once<Key, Value> = (
  key: Key,
  run: (current: Value | undefined) => Promise<Value | undefined> | Value | undefined,
  options?: OnceOptions,
) => Promise<Value | undefined>;

/**
 * The session that a library or middleware takes: `function flash(session: SessionOf<{ flash: string[] }>)`. The session of
 * every application fits that has declared these keys with these types, or has declared none. It has no iteration, `size`,
 * `clear` or `toObject`, because the other keys belong to the application.
 */
export interface SessionOf<Data>
  extends Pick<
    Session<Data>,
    | "key"
    | "handle"
    | "userId"
    | "authenticatedAt"
    | "confirm"
    | "confirmedAt"
    | "requireRecent"
    | "label"
    | "isDeviceBound"
    | "createdAt"
    | "expiresAt"
    | "accessed"
    | "modified"
    | "isEmpty"
    | "login"
    | "logout"
    | "flush"
    | "cycleKey"
    | "setExpiry"
    | "getExpiryAge"
    | "getExpiryDate"
    | "getExpireAtBrowserClose"
    | "save"
    | "load"
  > {
  // First, because its mapped type makes the compiler compare two SessionOf member by member: one with more keys then fits
  // where fewer are asked for.
  readonly assign: (members: { [K in KeyOf<Data>]?: ValueOf<Data, K> | undefined }) => this;
  readonly get: ForEachKey<Data, { [K in KeyOf<Data>]: Read<K, ValueOf<Data, K>> }>;
  readonly pop: ForEachKey<Data, { [K in KeyOf<Data>]: Read<K, ValueOf<Data, K>> }>;
  readonly require: ForEachKey<Data, { [K in KeyOf<Data>]: (key: K) => ValueOf<Data, K> }>;
  readonly set: ForEachKey<Data, { [K in KeyOf<Data>]: (key: K, value: ValueOf<Data, K>) => this }>;
  readonly setDefault: ForEachKey<
    Data,
    { [K in KeyOf<Data>]: (key: K, value: ValueOf<Data, K>) => ValueOf<Data, K> }
  >;
  readonly update: ForEachKey<Data, { [K in KeyOf<Data>]: Update<K, ValueOf<Data, K>> }>;
  readonly once: ForEachKey<Data, { [K in KeyOf<Data>]: Once<K, ValueOf<Data, K>> }>;
  readonly has: (key: KeyOf<Data>) => boolean;
  readonly delete: (key: KeyOf<Data>) => boolean;
}
