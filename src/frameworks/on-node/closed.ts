/** Tells all parts of a response that it has closed, by one listener: Node warns of a leak from the eleventh listener on. */
import type { ServerResponse } from "node:http";

export interface Closing {
  /** The response has closed, sent or not. */
  closed(): void;
}

const PARTS = Symbol("coatcheck.closing");

type WithParts = ServerResponse & { [PARTS]?: Closing[] };

/** Calls `part.closed()` when the response has closed. */
export function whenClosed(response: WithParts, part: Closing): void {
  if (response[PARTS] !== undefined) {
    response[PARTS].push(part);
    return;
  }
  response[PARTS] = [part];
  response.on("close", tellAll);
}

/** Shared by all responses. */
function tellAll(this: WithParts): void {
  for (const part of this[PARTS] ?? []) part.closed();
}
