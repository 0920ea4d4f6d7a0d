/**
 * Tracing channels of `node:diagnostics_channel`, from which an APM makes spans: `coatcheck:store` around each call of the store, and
 * `coatcheck:commit` around each commit. They cost next to nothing while no listener is there.
 */
import { type TracingChannel, tracingChannel } from "node:diagnostics_channel";
import type { VERBS } from "./contract/store.ts";

/** The methods of a store that the core calls. */
export type Operation = (typeof VERBS)[number] | "listUser" | "clearExpired" | "stats";

/** The message on `coatcheck:store`: one call of the store. Keys, ids, users and data are never told. */
export interface TracedCall {
  /** The method of the store. */
  readonly operation: Operation;
  /** The `name` of the store; `"store"` where it has none. */
  readonly store: string;
  /**
   * The answer, once it is there. `refused`: the id of a new session was taken, or the session to touch had changed. `listUser` and
   * `clearExpired` answer a number of sessions.
   */
  result?: "found" | "absent" | "moved" | "saved" | "conflict" | "gone" | "refused" | "done" | number;
  /** The error, once there is one: a StoreUnavailableError also where the deadline came or the client hung up. */
  error?: unknown;
}

/** The message on `coatcheck:commit`: what a response, or a call of `save()`, has stored. Commits that find nothing to do are not told. */
export interface TracedCommit {
  /** The status of the response; null for `save()`. */
  readonly status: number | null;
  result?: {
    /**
     * What came of it. `touched`: only its end has moved. `ended`: this request has ended it. `interrupted`: another request had ended
     * it, and the changes were dropped. `nothing`: there was nothing to store in the end, or the cookie was withheld.
     */
    readonly outcome: "created" | "saved" | "rotated" | "touched" | "ended" | "interrupted" | "nothing";
    /** The number of records that were made of the changes: 1, and one more for each time that another request was first. */
    readonly attempts: number;
  };
  /** The error, once there is one. */
  error?: unknown;
}

type Traced = TracedCall | TracedCommit;
type Channel<Message extends Traced> = TracingChannel<unknown, Message>;

export const storeCalls: Channel<TracedCall> = tracingChannel("coatcheck:store");
export const commits: Channel<TracedCommit> = tracingChannel("coatcheck:commit");

/** Whether a listener is there. The channels are asked one by one, because Bun's tracing channel has no `hasSubscribers`. */
export function isHeard<Message extends Traced>(channel: Channel<Message>): boolean {
  const { start, end, asyncStart, asyncEnd, error } = channel;
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  );
}

/** Runs one call of the store as a trace. */
export function traceCall<T>(operation: Operation, store = "store", run: () => Promise<T>): Promise<T> {
  return trace(storeCalls, { operation, store }, run, resultOf);
}

/** Runs something as a trace, whose result is what `tell` makes of the answer. */
export async function trace<Message extends Traced, T>(
  channel: Channel<Message>,
  message: Message,
  run: () => Promise<T>,
  tell: (answer: T) => Message["result"],
): Promise<T> {
  let answer: T | undefined;
  const told = async () => {
    answer = await run();
    return tell(answer);
  };
  await channel.tracePromise(told, message);
  return answer as T;
}

function resultOf(answer: unknown): TracedCall["result"] {
  if (typeof answer === "string") return answer as "moved" | "saved" | "conflict" | "gone";
  if (typeof answer === "number") return answer;
  if (typeof answer === "boolean") return answer ? "saved" : "refused";
  if (Array.isArray(answer)) return answer.length;
  if (answer === null) return "absent";
  if (typeof answer !== "object") return "done";
  if ("movedTo" in answer) return "moved";
  if ("saved" in answer) return "saved";
  return "data" in answer ? "found" : "done";
}
