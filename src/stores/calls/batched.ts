/**
 * Calls of one verb that arrive in one turn of the event loop go to the database together. Each caller keeps its own
 * outcome, error and deadline, and a call that comes alone is carried out as if there were no batches.
 */
import { LightSignal, type Signal } from "../../contract/call.ts";
import { isWorkerd } from "../../workerd.ts";

/** How a store carries out the calls of one verb. */
export interface Carriage<Order, Outcome> {
  one(order: Order, signal: Signal): Outcome | Promise<Outcome>;
  /**
   * Several at once, all or nothing: an outcome for each in their order, or `ALONE`. The signal aborts when nobody waits
   * any more. When it fails, each is carried out alone, so that one caller's data costs nobody else.
   */
  many(orders: readonly Order[], signal: Signal): Outcomes<Outcome> | Promise<Outcomes<Outcome>>;
  /** Of orders with the same key, the second waits for the next batch. Default: any may go together. */
  keyOf?(order: Order): string;
}

/** For what a batch could not do: the order is carried out by itself. */
export const ALONE: unique symbol = Symbol("alone");

type Outcomes<Outcome> = readonly (Outcome | typeof ALONE)[];

/** More wait for the next turn: one statement must not hold up the server, nor grow without end. */
export const LARGEST_BATCH = 64;

interface Waiting<Order, Outcome> {
  readonly order: Order;
  readonly signal: Signal;
  resolve(outcome: Outcome | Promise<Outcome>): void;
  reject(error: unknown): void;
}

export function batched<Order, Outcome>({
  one,
  many,
  keyOf,
}: Carriage<Order, Outcome>): (order: Order, signal: Signal) => Promise<Outcome> {
  // There a request must not wait for what another has begun.
  if (isWorkerd) return async (order, signal) => one(order, signal);

  type Caller = Waiting<Order, Outcome>;
  let waiting: Caller[] = [];

  function depart(): void {
    const batch: Caller[] = [];
    const staying: Caller[] = [];
    const keys = new Set<string>();
    for (const caller of waiting) {
      const key = keyOf?.(caller.order);
      if (caller.signal.aborted) caller.reject(caller.signal.reason);
      else if (batch.length === LARGEST_BATCH || (key !== undefined && keys.has(key))) staying.push(caller);
      else batch.push(caller);
      if (key !== undefined) keys.add(key);
    }
    waiting = staying;
    if (staying.length > 0) setImmediate(depart);
    const [first] = batch;
    if (batch.length > 1) carry(batch);
    else if (first !== undefined) carryAlone(first);
  }

  function carryAlone({ order, signal, resolve, reject }: Caller): void {
    try {
      resolve(one(order, signal));
    } catch (error) {
      reject(error);
    }
  }

  function carry(batch: Caller[]): void {
    const everyoneLeft = new LightSignal();
    const orders = batch.map(({ order }) => order);
    let outcomes: ReturnType<typeof many> | null = null;
    try {
      outcomes = many(orders, everyoneLeft);
    } catch {}
    if (outcomes instanceof Promise) void settleLater(batch, outcomes, everyoneLeft);
    else settle(batch, outcomes);
  }

  /** Meanwhile callers may leave. */
  async function settleLater(
    batch: Caller[],
    coming: Promise<Outcomes<Outcome>>,
    everyoneLeft: LightSignal,
  ): Promise<void> {
    let left = 0;
    const leave = batch.map(({ signal, reject }) => () => {
      reject(signal.reason);
      if (++left === batch.length) everyoneLeft.abort(signal.reason);
    });
    for (const [n, { signal }] of batch.entries()) signal.addEventListener("abort", leave[n] as () => void);
    const outcomes = await coming.catch(() => null);
    for (const [n, { signal }] of batch.entries())
      signal.removeEventListener("abort", leave[n] as () => void);
    settle(batch, outcomes);
  }

  /** A fault of the batch is nobody's yet: each meets its own, or none, alone. */
  function settle(batch: Caller[], outcomes: Outcomes<Outcome> | null): void {
    for (const [n, caller] of batch.entries()) {
      const outcome = outcomes === null ? ALONE : (outcomes[n] as Outcome | typeof ALONE);
      if (outcome !== ALONE) caller.resolve(outcome);
      else if (!caller.signal.aborted) carryAlone(caller);
    }
  }

  return (order, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      // What arrives in this turn is there before the loop comes to its immediates.
      if (waiting.push({ order, signal, resolve, reject }) === 1) setImmediate(depart);
    });
}
