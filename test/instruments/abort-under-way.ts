import type { StoreCall } from "coatcheck";
import { settle } from "./loopback.ts";

/**
 * Begins calls of a store, aborts their signal once they are under way, and answers how each has ended some turns of the event loop
 * later, while its server still hangs: "pending" if it has not. A call that ends at its signal has ended by then, on any machine.
 */
export async function abortUnderWay(
  begin: (call: StoreCall) => Promise<unknown>[],
  underWay: () => Promise<unknown> = settle,
): Promise<unknown[]> {
  const controller = new AbortController();
  const calls = begin({ signal: controller.signal, now: Date.now() });
  const ends: unknown[] = calls.map(() => "pending");
  for (const [n, call] of calls.entries()) {
    call.then(
      (answer) => {
        ends[n] = { answer };
      },
      (error) => {
        ends[n] = error;
      },
    );
  }
  await underWay();
  controller.abort(new Error("enough"));
  await settle();
  return ends;
}
