/** How long to wait, and what to try again. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Signal, signalOf } from "../../contract/call.ts";
import type { StoreCall } from "../../contract/store.ts";

/** Nothing that trying again would mend. */
export class FinalError extends Error {
  override readonly name = "FinalError";
}

/** Rejects as soon as the signal aborts: no client takes back what it has sent, but nobody need wait for it. */
export function heed<T>(signal: Signal, work: Promise<T>): Promise<T> {
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

/** The answers of a server that did nothing, and will soon know better: a failover, a resharding, a start. */
const NOT_YET = /^(ASK|BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|MOVED|READONLY|TRYAGAIN) /;
/** What clients say when a command was never sent. */
const NOT_SENT = /^The client is offline$|enableOfflineQueue options is false$/;
const ANY_ANSWER = /^[A-Z]+ /;

/** About four seconds in all: longer than a failover takes, and most callers have given up by then. */
const TRIES = 16;

/**
 * Tries again, for as long as the signal of the call allows, what the server refused without doing it. What may have been done, its
 * answer lost with the connection, is tried again only where that is harmless.
 */
export async function persist<T>(call: StoreCall, harmless: boolean, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    return await again(error, call, harmless, attempt);
  }
}

async function again<T>(
  error: unknown,
  call: StoreCall,
  harmless: boolean,
  attempt: () => Promise<T>,
): Promise<T> {
  let last = error;
  for (let tries = 1; ; tries++) {
    if (signalOf(call).aborted || tries === TRIES || !mayRepeat(last, harmless)) throw last;
    const pause = Math.min(20 * 2 ** tries, 320);
    await sleep(pause * (0.5 + Math.random()), undefined, { signal: call.signal });
    try {
      return await attempt();
    } catch (error) {
      last = error;
    }
  }
}

function mayRepeat(error: unknown, harmless: boolean): boolean {
  if (error instanceof FinalError) return false;
  const message = error instanceof Error ? error.message : "";
  // ioredis wraps the last answer when it has been redirected too often.
  const said = message.replace(/^Too many Cluster redirections\. Last error: \w+: /, "");
  if (NOT_YET.test(said) || NOT_SENT.test(said)) return true;
  return harmless && !ANY_ANSWER.test(said);
}

/** For what is only tidying: waits a moment for it, and minds neither its failure nor its absence. */
export async function tidy(work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const enough = sleep(250, undefined, { signal: over.signal }).catch(() => {});
  await Promise.race([work.catch(() => {}), enough]);
  over.abort();
}
