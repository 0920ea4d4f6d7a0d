import { signalOf } from "../../contract/call.ts";
import type { StoreCall } from "../../contract/store.ts";
import type { Command, Connection, Replicas } from "./client.ts";
import { column } from "./layout.ts";
import { type Attempt, FinalError, type Harmless, retry } from "./retries.ts";
import type { Script } from "./scripts.ts";

/** What a call makes of an answer: its outcome, or a promise where more must be asked. */
export type Next<A, T> = (answer: A) => T | Promise<T>;

/**
 * Commands and scripts for the server: sent again where that is harmless, and confirmed by replicas where asked for. Each rejects as
 * soon as the signal of the call aborts, and then sends nothing more. Most calls of the store are one command, so `next` has a
 * place in its promise: a chain of promises costs more than what they wait for.
 */
export interface Commands {
  /** Throws when the client is not open. */
  ready(): void;
  /** Sends a command that may be repeated. */
  ask<T>(key: string, command: Command, call: StoreCall, next: Next<unknown, T>): Promise<T>;
  /** Runs a script on one key, or on several of one server. `args` come after the time of the call. */
  run<T>(
    script: Script,
    keys: string | readonly string[],
    args: readonly string[],
    call: StoreCall,
    next: Next<string, T>,
    options?: RunOptions,
  ): Promise<T>;
}

export interface RunOptions {
  /** Whether the script may be sent again though it may have run. Default is true. */
  readonly harmless?: Harmless;
  /** Whether replicas must have the write. Default is false. */
  readonly waits?: boolean;
}

const USUAL: RunOptions = {};

/** `wait` says how many replicas must have a write, where a script asks for that. */
export function commandsOf(connection: Connection, wait: Replicas | undefined): Commands {
  function ready(): void {
    if (!connection.isClosed()) return;
    throw new FinalError(
      "The Redis client is not open. With node-redis write `await client.connect()` before the server listens, and close " +
        "the client only after the last response.",
    );
  }

  async function runConfirmed(key: string, command: Command, wait: Replicas): Promise<unknown> {
    const { answer, replicas } = await connection.runAndWait(key, command, wait);
    if (replicas >= wait.replicas) return answer;
    throw new FinalError(
      `${replicas} of ${wait.replicas} replicas had the write within ${wait.timeout} ms. It was made and may ` +
        "stay; look at the replicas, or lower `wait`.",
    );
  }

  return {
    ready,
    ask(key, command, call, next) {
      const attempt = () => {
        ready();
        return connection.run(key, command, call);
      };
      return settled(call, attempt, true, next);
    },
    run(script, keys, args, call, next, { harmless = true, waits = false } = USUAL) {
      const isOne = typeof keys === "string";
      const key = isOne ? keys : (keys[0] as string);
      const rest = [column(call.now), ...args];
      const attempt: Attempt = (isRepetition) => {
        ready();
        // The server may have forgotten the script, so a repetition brings its text.
        const text = isRepetition ? script.source : script.sha;
        const name = isRepetition ? "eval" : "evalsha";
        const command: Command = isOne
          ? [name, text, "1", key, ...rest]
          : [name, text, `${keys.length}`, ...keys, ...rest];
        return waits && wait ? runConfirmed(key, command, wait) : connection.run(key, command, call);
      };
      return settled(call, attempt, harmless, (answer) => next(String(answer)));
    },
  };
}

/** Makes attempts, and settles by what `next` makes of the answer. */
function settled<T>(
  call: StoreCall,
  attempt: Attempt,
  harmless: Harmless,
  next: Next<unknown, T>,
): Promise<T> {
  const signal = signalOf(call);
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop);
    const answered = (answer: unknown) => {
      if (signal.aborted) return;
      signal.removeEventListener("abort", stop);
      try {
        resolve(next(answer));
      } catch (error) {
        reject(error);
      }
    };
    const failed = (error: unknown) => {
      signal.removeEventListener("abort", stop);
      // ioredis adds the command to its errors: the id and the data of a session, which must not come into a log.
      if (error instanceof Error) delete (error as { command?: unknown }).command;
      reject(error);
    };
    const repeat = (error: unknown) => {
      retry(error, call, harmless, attempt).then(answered, failed);
    };
    try {
      attempt(false).then(answered, repeat);
    } catch (error) {
      repeat(error);
    }
  });
}
