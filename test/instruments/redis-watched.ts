/** Wraps a node-redis client, so that a test sees or changes what the store sends. */
import type { RedisClient } from "coatcheck/redis";

type Send = (command: string[], options: object) => Promise<unknown>;

/** The same client, with another way to send. */
export function sending(client: RedisClient, how: (send: Send) => Send): RedisClient {
  const inner = client as unknown as { sendCommand: Send };
  const sendCommand = how((command, options) => inner.sendCommand(command, options));
  return { isOpen: true, isReady: true, sendCommand, multi: () => ({}) } as RedisClient;
}

/** Calls `before` with each command that is sent, and `after` when its answer has come. */
export const watched = (
  client: RedisClient,
  before: (command: string[]) => void,
  after: () => void = () => {},
): RedisClient =>
  sending(client, (send) => async (command, options) => {
    before(command);
    const answer = await send(command, options);
    after();
    return answer;
  });

/** How Redis, a hosted Redis and Redis' own proxy refuse a script on several keys. */
export const refusals = [
  "CROSSSLOT Keys in request don't hash to the same slot",
  "ERR eval/evalsha command keys must be in same slot",
  "ERR Cross-slot queries are disabled.",
] as const;

export const hasSeveralKeys = ([name = "", , keys]: string[]) => name.startsWith("eval") && keys !== "1";

/** Refuses each script on several keys, as a proxy before many servers does. */
export const refused = (client: RedisClient, words: string = refusals[0]): RedisClient =>
  sending(client, (send) => async (command, options) => {
    if (hasSeveralKeys(command)) throw new Error(words);
    return await send(command, options);
  });
