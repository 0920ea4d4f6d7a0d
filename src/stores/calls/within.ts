import type { StoreCall } from "../../contract/store.ts";

/** Runs work that may take only so long. Rejects after that time, and as soon as the signal of the call aborts. */
export async function within<T>(
  milliseconds: number,
  { now, signal }: StoreCall,
  run: (call: StoreCall) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  let stop = () => {};
  const tooLate = new Promise<never>((_resolve, reject) => {
    const giveUp = (reason: unknown) => {
      controller.abort(reason);
      reject(reason);
    };
    const timer = setTimeout(
      () => giveUp(new Error(`no answer within ${milliseconds / 1000} s`)),
      milliseconds,
    );
    const abort = () => giveUp(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    stop = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
  });
  try {
    return await Promise.race([run({ now, signal: controller.signal }), tooLate]);
  } finally {
    stop();
  }
}
