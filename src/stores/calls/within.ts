import type { StoreCall } from "../../contract/store.ts";

/** Runs what may take only so long. Rejects when that has passed, and when the call's own signal aborts. */
export async function within<T>(
  milliseconds: number,
  { now, signal }: StoreCall,
  run: (call: StoreCall) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const patience = new AbortController();
  let stop = () => {};
  const tooLate = new Promise<never>((_resolve, reject) => {
    const giveUp = (reason: unknown) => {
      patience.abort(reason);
      reject(reason);
    };
    const timer = setTimeout(() => giveUp(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
    const abort = () => giveUp(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    stop = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
  });
  try {
    return await Promise.race([run({ now, signal: patience.signal }), tooLate]);
  } finally {
    stop();
  }
}
