/** Where a command works: the store that it was told of, and how it tells what it did. */

import type { StoreCall } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { createSessions, type Sessions } from "../sessions.ts";
import type { CookieOptions } from "../settings.ts";
import { storeFromUrl, type UrlStore } from "../stores/store-url.ts";

/** The options that every command has. */
export interface CommonOptions {
  readonly store?: string;
  readonly json?: boolean;
  readonly timeout: number;
}

export interface Place {
  readonly store: UrlStore;
  readonly sessions: Sessions;
  /** Tells the result: as JSON where that was asked for, else in words. */
  tell(result: object, words: string): void;
  /** Runs what is asked of the store itself, and gives up when it takes too long. */
  within<T>(work: (call: StoreCall) => Promise<T>): Promise<T>;
}

/** Opens the store, lets the command work, and closes the store again. */
export async function withStore(
  { store: url = process.env.SESSION_STORE, json = false, timeout }: CommonOptions,
  work: (place: Place) => Promise<number>,
  cookie?: CookieOptions,
): Promise<number> {
  if (url === undefined || url === "") {
    throw new SettingsError("store", "a URL: give --store, or set SESSION_STORE in the environment");
  }
  const store = storeFromUrl(url);
  const sessions = createSessions({
    store,
    storeTimeout: timeout,
    clearExpiredEvery: 0,
    ...(cookie && { cookie }),
  });
  try {
    return await work({
      store,
      sessions,
      tell: (result, words) => console.log(json ? JSON.stringify(result) : words),
      within: (work) => within(timeout, work),
    });
  } finally {
    // A server that hangs does not hold up the end of the command.
    await Promise.race([
      sessions.close().catch(() => {}),
      new Promise((end) => setTimeout(end, 1000).unref()),
    ]);
  }
}

async function within<T>(seconds: number, work: (call: StoreCall) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`no answer within ${seconds} s`);
      controller.abort(error);
      reject(error);
    }, seconds * 1000);
  });
  try {
    return await Promise.race([work({ signal: controller.signal, now: Date.now() }), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
