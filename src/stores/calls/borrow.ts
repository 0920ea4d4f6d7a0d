import type { Signal } from "../../contract/call.ts";
import { wait } from "../../wait.ts";
import { isWorkerd } from "../../workerd.ts";

/** Taken when the module loads: a test of the application may fake all timers later. */
const { setImmediate, setTimeout, clearTimeout } = globalThis;

/** How long a statement may still run after its caller has gone, before its connection counts as dead, milliseconds. */
const LINGER_MS = 5000;

/** The longest wait between two tries, milliseconds. */
const LONGEST_WAIT_MS = 100;

/** The user's pool, as a store uses it. */
export interface Lender<C> {
  lend(): Promise<C>;
  /** A broken connection is closed: it may be dead, or in the middle of a transaction. */
  takeBack(connection: C, broken: boolean): void;
  /** False once the connection has told that it was closed. */
  isOpen(connection: C): boolean;
  fateOf(error: unknown, connection: C): Fate;
}

/**
 * The fate of the work that an error has stopped.
 * `"undone"`: the database undid all of it, and the connection is sound.
 * `"not done"`: the connection was closed before the work was carried out, and it never will be.
 * `"in doubt"`: the connection was lost. The server may have carried the work out, or may yet do so.
 * `"refused"`: any other error.
 */
export type Fate = "undone" | "not done" | "in doubt" | "refused";

/** The connection was lost, and work that must not be repeated blindly may have been carried out. */
export class InDoubtError extends Error {
  override readonly name = "InDoubtError";

  constructor(cause: unknown) {
    super("The connection to the database was lost before the answer came; the cause says how.", { cause });
  }
}

/** `isInDoubt`: an earlier try may have been carried out, its answer lost. */
export type Work<C, T> = (connection: C, isInDoubt: boolean) => Promise<T>;

export interface BorrowOptions {
  /** Whether work in doubt is done once more, on another connection. Default is true. */
  readonly repeatInDoubt?: boolean;
}

/**
 * Runs `work` on a connection of the pool and gives the connection back. Runs it again where the database undid it, and once
 * more, on another connection, where the connection was closed or lost; work in doubt that may not be repeated rejects with
 * `InDoubtError`. Rejects as soon as the signal aborts. Drivers cannot cancel a statement, so one that runs by then goes on, and
 * its connection is given back when it ends. Closing the connection at once would let visitors who press "reload" close the
 * whole pool.
 */
export async function borrow<C, T>(
  lender: Lender<C>,
  signal: Signal,
  work: Work<C, T>,
  { repeatInDoubt = true }: BorrowOptions = {},
): Promise<T> {
  signal.throwIfAborted();
  let lent: C | undefined;
  let lingering: ReturnType<typeof setTimeout> | undefined;

  const giveBack = (broken: boolean) => {
    clearTimeout(lingering);
    if (lent !== undefined) lender.takeBack(lent, broken);
    lent = undefined;
  };

  const run = async (isInDoubt: boolean, mayRepeat: boolean): Promise<T> => {
    lent = await lendOpen(lender);
    // A connection that comes too late was not used, so it is not broken.
    if (signal.aborted) giveBack(false);
    signal.throwIfAborted();
    try {
      const result = await untilDone(lent, lender, signal, work, isInDoubt);
      giveBack(false);
      return result;
    } catch (error) {
      const fate = lent === undefined ? "refused" : lender.fateOf(error, lent);
      giveBack(true);
      const isHarmless = fate === "not done" || (fate === "in doubt" && repeatInDoubt);
      if (mayRepeat && isHarmless && !signal.aborted) return await run(fate === "in doubt", false);
      throw fate === "in doubt" ? new InDoubtError(error) : error;
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
    return await Promise.race([run(false, true), aborted]);
  } finally {
    stop();
  }
}

/**
 * A connection that is open. If the server has closed it while it rested, the event loop hears of that within a turn. Else a
 * statement would be sent, and lost with the connection.
 */
async function lendOpen<C>(lender: Lender<C>): Promise<C> {
  for (;;) {
    const connection = await lender.lend();
    // On workerd a connection does not outlive its request.
    if (!isWorkerd) await wholeTurn();
    if (lender.isOpen(connection)) return connection;
    lender.takeBack(connection, true);
  }
}

/** A whole turn of the event loop: the first immediate may belong to the turn that has begun. */
const wholeTurn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

async function untilDone<C, T>(
  connection: C,
  lender: Lender<C>,
  signal: Signal,
  work: Work<C, T>,
  isInDoubt: boolean,
): Promise<T> {
  for (let longest = 1; ; longest = Math.min(longest * 2, LONGEST_WAIT_MS)) {
    try {
      return await work(connection, isInDoubt);
    } catch (error) {
      if (lender.fateOf(error, connection) !== "undone") throw error;
    }
    await wait(Math.random() * longest);
    signal.throwIfAborted();
  }
}
