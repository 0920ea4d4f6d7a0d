/**
 * Calls of one verb that arrive in one turn of the event loop go to the database together. Each caller keeps its own
 * outcome, error and deadline. A call that comes alone runs as if there were no batches.
 */
import { LightSignal, type Signal } from "../../contract/call.ts";
import { isWorkerd } from "../../workerd.ts";
import { InDoubtError } from "./borrow.ts";

/** Taken when the module loads: a test of the application may fake all timers later. */
const { setImmediate } = globalThis;

/** How a store runs one verb: for a single call, and for several at once. `Call` is the arguments of a call. */
export interface BatchedVerb<Call, Outcome> {
  /** `isInDoubt`: the call was part of a batch that failed, and may have been carried out all the same. */
  one(call: Call, signal: Signal, isInDoubt: boolean): Outcome | Promise<Outcome>;
  /**
   * Runs several calls, all or nothing. Answers an outcome for each in their order, or `ALONE`. The signal aborts when all
   * callers have gone. When this fails each call is run by itself, so that the data of one caller costs the others nothing.
   */
  many(calls: readonly Call[], signal: Signal): Outcomes<Outcome> | Promise<Outcomes<Outcome>>;
  /** Whether a batch that failed so must not be repeated: all its callers get the error. Default: it may be repeated. */
  isFinal?(error: unknown): boolean;
  /** Two calls with the same key never share a batch: the second waits for the next. Default: any may share one. */
  keyOf?(call: Call): string;
}

/** The outcome of a call that a batch could not run: the call is then run by itself. */
export const ALONE: unique symbol = Symbol("alone");

type Outcomes<Outcome> = readonly (Outcome | typeof ALONE)[];

/** Further calls wait for the next turn: one statement must not hold up the server, nor grow without end. */
export const LARGEST_BATCH = 64;

interface Caller<Call, Outcome> {
  readonly call: Call;
  readonly signal: Signal;
  resolve(outcome: Outcome | Promise<Outcome>): void;
  reject(error: unknown): void;
}

export function batched<Call, Outcome>({
  one,
  many,
  isFinal = () => false,
  keyOf,
}: BatchedVerb<Call, Outcome>): (call: Call, signal: Signal) => Promise<Outcome> {
  // On workerd a request must not wait for work that another request has begun.
  if (isWorkerd) return async (call, signal) => one(call, signal, false);

  let queue: Caller<Call, Outcome>[] = [];

  function flush(): void {
    const batch: Caller<Call, Outcome>[] = [];
    const staying: Caller<Call, Outcome>[] = [];
    const keys = new Set<string>();
    for (const caller of queue) {
      const key = keyOf?.(caller.call);
      if (caller.signal.aborted) caller.reject(caller.signal.reason);
      else if (batch.length === LARGEST_BATCH || (key !== undefined && keys.has(key))) staying.push(caller);
      else batch.push(caller);
      if (key !== undefined) keys.add(key);
    }
    queue = staying;
    if (staying.length > 0) setImmediate(flush);
    const [first] = batch;
    if (batch.length > 1) runBatch(batch);
    else if (first !== undefined) runAlone(first, false);
  }

  function runAlone({ call, signal, resolve, reject }: Caller<Call, Outcome>, isInDoubt: boolean): void {
    try {
      resolve(one(call, signal, isInDoubt));
    } catch (error) {
      reject(error);
    }
  }

  function runBatch(batch: Caller<Call, Outcome>[]): void {
    const allGone = new LightSignal();
    const calls = batch.map(({ call }) => call);
    let outcomes: ReturnType<typeof many>;
    try {
      outcomes = many(calls, allGone);
    } catch (error) {
      answerFailed(batch, error);
      return;
    }
    if (outcomes instanceof Promise) void answerLater(batch, outcomes, allGone);
    else answer(batch, outcomes);
  }

  /** Until the outcomes are there, each caller is rejected as soon as its own signal aborts. */
  async function answerLater(
    batch: Caller<Call, Outcome>[],
    coming: Promise<Outcomes<Outcome>>,
    allGone: LightSignal,
  ): Promise<void> {
    let gone = 0;
    const leave = batch.map(({ signal, reject }) => () => {
      reject(signal.reason);
      if (++gone === batch.length) allGone.abort(signal.reason);
    });
    for (const [n, { signal }] of batch.entries()) signal.addEventListener("abort", leave[n] as () => void);
    const stopListening = () => {
      for (const [n, { signal }] of batch.entries())
        signal.removeEventListener("abort", leave[n] as () => void);
    };
    try {
      const outcomes = await coming;
      stopListening();
      answer(batch, outcomes);
    } catch (error) {
      stopListening();
      answerFailed(batch, error);
    }
  }

  function answer(batch: Caller<Call, Outcome>[], outcomes: Outcomes<Outcome>): void {
    for (const [n, caller] of batch.entries()) {
      const outcome = outcomes[n] as Outcome | typeof ALONE;
      if (outcome !== ALONE) caller.resolve(outcome);
      else if (!caller.signal.aborted) runAlone(caller, false);
    }
  }

  /** Mostly the error of a batch is told to no caller: each meets its own, or none, alone. */
  function answerFailed(batch: Caller<Call, Outcome>[], error: unknown): void {
    for (const caller of batch) {
      if (isFinal(error)) caller.reject(error);
      else if (!caller.signal.aborted) runAlone(caller, error instanceof InDoubtError);
    }
  }

  return (call, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      // All calls of this turn are in the queue before the event loop comes to its immediates.
      if (queue.push({ call, signal, resolve, reject }) === 1) setImmediate(flush);
    });
}
