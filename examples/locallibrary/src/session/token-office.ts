import { randomInt } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";

/** A token of the pretended office. */
export interface Token {
  token: string;
  /** The number of tokens that the office has given to this session. */
  issued: number;
}

const TAKES_MS = 4000;

/** An office that takes its time, as another site would that gives out OAuth tokens. It knows the last token that it gave. */
export async function askTokenOffice(last: Token | undefined): Promise<Token> {
  await wait(TAKES_MS);
  return { token: randomInt(36 ** 5, 36 ** 6).toString(36), issued: (last?.issued ?? 0) + 1 };
}
