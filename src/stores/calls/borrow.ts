import type { Signal } from "../../contract/call.ts";

/** How long a statement may still run after its caller has gone, before its connection counts as dead, milliseconds. */
const LINGER_MS = 5000;

/** The longest wait between two tries, milliseconds. */
const LONGEST_WAIT_MS = 100;

/** The user's pool, as a store uses it. */
export interface Lender<C> {
  lend(): Promise<C>;
  /** A broken connection is closed: it may be dead, or in the middle of a transaction. */
  takeBack(connection: C, broken: boolean): void;
  /** Whether the database says by this error that it undid everything, so that trying again does no harm. */
  isUndone(error: unknown): boolean;
}

/**
 * Runs `work` on a connection of the pool, again where the database undid it, and gives the connection back. Rejects as
 * soon as the signal aborts. Drivers cannot cancel a statement, so one that runs by then goes on, and its connection is
 * given back when it ends. Closing the connection at once would let visitors who press "reload" close the whole pool.
 */
export async function borrow<C, T>(
  lender: Lender<C>,
  signal: Signal,
  work: (connection: C) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  let lent: C | undefined;
  let lingering: ReturnType<typeof setTimeout> | undefined;

  const giveBack = (broken: boolean) => {
    clearTimeout(lingering);
    if (lent !== undefined) lender.takeBack(lent, broken);
    lent = undefined;
  };

  const run = async () => {
    lent = await lender.lend();
    // A connection that comes too late was not used, so it is not broken.
    if (signal.aborted) giveBack(false);
    signal.throwIfAborted();
    try {
      const result = await untilDone(lent, lender, signal, work);
      giveBack(false);
      return result;
    } catch (error) {
      giveBack(true);
      throw error;
    }
  };

  let stop = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    const onAbort = () => {
      if (lent !== undefined) lingering = setTimeout(giveBack, LINGER_MS, true);
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    stop = () => signal.removeEventListener("abort", onAbort);
  });

  try {
    return await Promise.race([run(), aborted]);
  } finally {
    stop();
  }
}

async function untilDone<C, T>(
  connection: C,
  lender: Lender<C>,
  signal: Signal,
  work: (connection: C) => Promise<T>,
): Promise<T> {
  for (let longest = 1; ; longest = Math.min(longest * 2, LONGEST_WAIT_MS)) {
    try {
      return await work(connection);
    } catch (error) {
      if (!lender.isUndone(error)) throw error;
    }
    const wait = Math.random() * longest;
    await new Promise((resolve) => setTimeout(resolve, wait));
    signal.throwIfAborted();
  }
}
