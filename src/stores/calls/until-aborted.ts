import type { Signal } from "../../contract/call.ts";

/**
 * Resolves or rejects with `work`, and rejects at once when the signal aborts. The work itself goes on: most clients cannot
 * take back what they have sent.
 */
export function untilAborted<T>(signal: Signal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop);
    work.then(
      (answer) => {
        signal.removeEventListener("abort", stop);
        resolve(answer);
      },
      (error) => {
        signal.removeEventListener("abort", stop);
        reject(error);
      },
    );
  });
}
