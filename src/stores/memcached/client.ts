/** The few commands of memcached that the store needs, with the answers and the faults of each. */
import type { Signal } from "../../contract/call.ts";
import { SettingsError } from "../../errors.ts";
import { untilAborted } from "../calls/until-aborted.ts";

/** The part of a `MemcacheClient` of memcache-client that the store uses. */
export interface MemcachedClient {
  gets(key: string): Promise<unknown>;
  add(key: string, value: string, options: { lifetime: number }): Promise<unknown>;
  cas(key: string, value: string, options: { lifetime: number; casUniq: string }): Promise<unknown>;
  cmd(line: string): Promise<unknown>;
}

/** A value, and the token with which `cas` replaces only this value. */
export interface TokenValue {
  readonly value: string;
  readonly token: string;
}

export interface Memcached {
  gets(key: string, signal: Signal): Promise<TokenValue | null>;
  /** False when the key is taken. */
  add(key: string, value: string, lifetime: number, signal: Signal): Promise<boolean>;
  /** False when the value has changed since the token was given, or is gone. */
  cas(key: string, value: string, lifetime: number, token: string, signal: Signal): Promise<boolean>;
  /** The counters of the server. */
  stats(signal: Signal): Promise<Map<string, string>>;
}

export function memcachedBy(client: MemcachedClient): Memcached {
  const words = ["gets", "add", "cas", "cmd"] as const;
  if (!words.every((word) => typeof client?.[word] === "function")) {
    throw new SettingsError("client", "a MemcacheClient of memcache-client");
  }

  const ask = <T>(signal: Signal, work: () => Promise<T>): Promise<T> =>
    signal.aborted ? Promise.reject(signal.reason) : untilAborted(signal, work());

  return {
    async gets(key, signal) {
      const found = (await ask(signal, () => client.gets(key))) as
        | { value: unknown; casUniq: string | number }
        | undefined;
      return found === undefined ? null : { value: String(found.value), token: String(found.casUniq) };
    },

    add: (key, value, lifetime, signal) =>
      stored(
        value,
        ask(signal, () => client.add(key, value, { lifetime })),
      ),

    cas: (key, value, lifetime, token, signal) =>
      stored(
        value,
        ask(signal, () => client.cas(key, value, { lifetime, casUniq: token })),
      ),

    async stats(signal) {
      const { STAT = [] } = (await ask(signal, () => client.cmd("stats"))) as { STAT?: [string, string][] };
      return new Map(STAT);
    },
  };
}

/** The client rejects with the word of the server. Some words are answers, the others are faults. */
async function stored(value: string, work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    const said = error instanceof Error ? error.message : "";
    if (["NOT_STORED", "EXISTS", "NOT_FOUND"].includes(said)) return false;
    if (!said.startsWith("SERVER_ERROR object too large")) throw error;
    throw new Error(
      `A session of ${Buffer.byteLength(value)} bytes is too large for memcached, which takes 1 MB unless it is started ` +
        "with another -I. Store less in the session.",
      { cause: error },
    );
  }
}
