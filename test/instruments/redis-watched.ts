/** A client of node-redis as the store sees it, in other hands. */
import type { RedisClient } from "coatcheck/redis";

type Send = (command: string[], options: object) => Promise<unknown>;

/** The same client, with another way to send. */
export function sending(client: RedisClient, how: (send: Send) => Send): RedisClient {
  const inner = client as unknown as { sendCommand: Send };
  const sendCommand = how((command, options) => inner.sendCommand(command, options));
  return { isOpen: true, isReady: true, sendCommand, multi: () => ({}) } as RedisClient;
}

/** With a look at each command, before it goes and after its answer. */
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

/** What is said to a script on several keys by Redis, by Redis rented out, and by a proxy of Redis' own. */
export const refusals = [
  "CROSSSLOT Keys in request don't hash to the same slot",
  "ERR eval/evalsha command keys must be in same slot",
  "ERR Cross-slot queries are disabled.",
] as const;

export const hasSeveralKeys = ([name = "", , keys]: string[]) => name.startsWith("eval") && keys !== "1";

/** As through a proxy before many servers: no script on several keys. */
export const refused = (client: RedisClient, words: string = refusals[0]): RedisClient =>
  sending(client, (send) => async (command, options) => {
    if (hasSeveralKeys(command)) throw new Error(words);
    return await send(command, options);
  });
