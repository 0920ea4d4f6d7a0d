import type { StoreCall } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { createSessions, type Sessions } from "../sessions.ts";
import type { Options } from "../settings/options.ts";
import { within } from "../stores/calls/within.ts";
import { storeFromUrl, type UrlStore } from "../stores/store-url.ts";

/** The options that every command has. */
export interface CommonOptions {
  readonly store?: string;
  readonly json?: boolean;
  /** Seconds. */
  readonly timeout: number;
}

/** The options of the site, as far as a command is told of them. */
export type SiteOptions = Pick<Options, "cookie" | "deviceBound">;

/** The store that a command works on, and the way to show its result. */
export interface Context {
  readonly store: UrlStore;
  readonly sessions: Sessions;
  /** Shows the result: as JSON where that was asked for, else in words. */
  tell(result: object, words: string): void;
  /** Asks the store itself, and rejects when that takes longer than `--timeout`. */
  within<T>(work: (call: StoreCall) => Promise<T>): Promise<T>;
}

/** Opens the store, lets the command work, and closes the store again. Resolves to the exit code. */
export async function withStore(
  { store: url = process.env.SESSION_STORE, json = false, timeout }: CommonOptions,
  work: (context: Context) => Promise<number>,
  site: SiteOptions = {},
): Promise<number> {
  if (url === undefined || url === "") {
    throw new SettingsError("store", "a URL: give --store, or set SESSION_STORE in the environment");
  }
  const store = storeFromUrl(url);
  const sessions = createSessions({ ...site, store, storeTimeout: timeout, clearExpiredEvery: 0 });
  try {
    return await work({
      store,
      sessions,
      tell: (result, words) => console.log(json ? JSON.stringify(result) : words),
      within(work) {
        const { signal } = new AbortController();
        return within(timeout * 1000, { signal, now: Date.now() }, work);
      },
    });
  } finally {
    // A server that hangs must not keep the command from ending.
    await Promise.race([
      sessions.close().catch(() => {}),
      new Promise((end) => setTimeout(end, 1000).unref()),
    ]);
  }
}
