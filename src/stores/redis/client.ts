/** The types that both client libraries are brought to. */
import type { StoreCall } from "../../contract/store.ts";

/** A command as it goes over the wire, its name first, in lower case. */
export type Command = readonly [name: string, ...args: string[]];

/** How many replicas must have a write, and how long they may take. */
export interface Replicas {
  readonly replicas: number;
  /** Milliseconds. */
  readonly timeout: number;
}

/** Sends one command to one server. */
export type Ask = (command: Command) => Promise<unknown>;

/** A client of either library, for one server, Sentinel or Cluster. */
export interface Connection {
  /** The text that the client itself puts before every key. */
  readonly keyPrefix: string;
  /** True where keys lie on several servers, so that no script may have more than one. */
  readonly isCluster: boolean;
  /** True where a replica takes the place of a dead primary: with Sentinel and in a Cluster. */
  readonly hasFailover: boolean;
  /** True when the client was closed, or never opened. */
  isClosed(): boolean;
  /** Runs the command on the primary that owns the key. */
  run(key: string, command: Command, call: StoreCall): Promise<unknown>;
  /**
   * Runs the command, and WAIT right behind it on the same connection: WAIT counts the replicas that have the last write of
   * its own connection. Resolves to the answer of the command and to that number.
   */
  runAndWait(key: string, command: Command, wait: Replicas): Promise<{ answer: unknown; replicas: number }>;
  /** One way to ask for each primary. */
  primaries(): Promise<Ask[]>;
}
