import { setTimeout as sleep } from "node:timers/promises";
import { signalOf } from "../../contract/call.ts";
import type { StoreCall } from "../../contract/store.ts";

/** A fault that trying again would not mend. */
export class FinalError extends Error {
  override readonly name = "FinalError";
}

/** The answers of a server that did nothing and can soon do it: during a failover, a resharding or a start. */
const NOT_YET = /^(ASK|BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|MOVED|READONLY|TRYAGAIN) /;
/** The answer of a server that does not know the script by its hash. */
const NOT_KNOWN = /^NOSCRIPT /;
/** The words of both clients for a command that was never sent. */
const NOT_SENT = /^The client is offline$|enableOfflineQueue options is false$/;
const ANY_ANSWER = /^[A-Z]+ /;

/** About four seconds in all: longer than a failover takes, and most callers have given up by then. */
const TRIES = 16;

/** Whether an attempt may be made again though the server may have done it. Asked for only where that happens. */
export type Harmless = boolean | (() => Promise<boolean>);

/** Sends a command. A repetition is one that was sent before, and may be written in another way. */
export type Attempt = (isRepetition: boolean) => Promise<unknown>;

/**
 * Repeats an attempt that has failed with `error`, until the signal of the call aborts, where the server refused it without doing it.
 * Where the connection broke before the answer, the server may have done it: that is tried again only if it is harmless.
 */
export async function retry(
  error: unknown,
  call: StoreCall,
  harmless: Harmless,
  attempt: Attempt,
): Promise<unknown> {
  let last = error;
  for (let tries = 1; ; tries++) {
    if (signalOf(call).aborted || tries === TRIES || !(await mayRepeat(last, harmless))) throw last;
    if (!NOT_KNOWN.test(String((last as Error).message))) {
      const pause = Math.min(20 * 2 ** tries, 320);
      await sleep(pause * (0.5 + Math.random()), undefined, { signal: call.signal });
    }
    try {
      return await attempt(true);
    } catch (error) {
      last = error;
    }
  }
}

async function mayRepeat(error: unknown, harmless: Harmless): Promise<boolean> {
  if (error instanceof FinalError) return false;
  const message = error instanceof Error ? error.message : "";
  // ioredis wraps the last answer when it has been redirected too often.
  const said = message.replace(/^Too many Cluster redirections\. Last error: \w+: /, "");
  if (NOT_YET.test(said) || NOT_KNOWN.test(said) || NOT_SENT.test(said)) return true;
  if (ANY_ANSWER.test(said)) return false;
  return typeof harmless === "boolean" ? harmless : await harmless().catch(() => false);
}
