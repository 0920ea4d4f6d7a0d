import { signalOf } from "../../contract/call.ts";
import type { StoreCall } from "../../contract/store.ts";
import type { Command, Connection, Replicas } from "./client.ts";
import { column } from "./layout.ts";
import { FinalError, type Harmless, withRetries } from "./retries.ts";
import type { Script } from "./scripts.ts";

/** Commands and scripts for the server: sent again where that is harmless, and confirmed by replicas where asked for. */
export interface Commands {
  /** Throws when the signal has aborted or the client is not open. */
  ready(call: StoreCall): void;
  /** Sends a command that may be repeated. */
  ask(key: string, command: Command, call: StoreCall): Promise<unknown>;
  /** Runs a script on one key, or on several of one server. */
  run(
    script: Script,
    keys: string | readonly [string, ...string[]],
    args: readonly string[],
    call: StoreCall,
    options?: RunOptions,
  ): Promise<string>;
}

export interface RunOptions {
  /** Whether the script may be sent again though it may have run. Default is true. */
  readonly harmless?: Harmless;
  /** Whether replicas must have the write. Default is false. */
  readonly waits?: boolean;
}

/** `wait` says how many replicas must have a write, where a script asks for that. */
export function commandsOf(connection: Connection, wait: Replicas | undefined): Commands {
  function ready(call: StoreCall): void {
    signalOf(call).throwIfAborted();
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
    ask: (key, command, call) =>
      withRetries(call, true, () => {
        ready(call);
        return connection.run(key, command, call);
      }),
    run(script, keys, args, call, { harmless = true, waits = false } = {}) {
      const [key, ...more] = typeof keys === "string" ? [keys] : keys;
      const send = (how: "evalsha" | "eval", text: string) => {
        ready(call);
        const command: Command = [how, text, `${1 + more.length}`, key, ...more, column(call.now), ...args];
        return waits && wait ? runConfirmed(key, command, wait) : connection.run(key, command, call);
      };
      return withRetries(call, harmless, async () => {
        try {
          return String(await send("evalsha", script.sha));
        } catch (error) {
          if (!String((error as Error).message).startsWith("NOSCRIPT")) throw error;
          return String(await send("eval", script.source));
        }
      });
    },
  };
}
