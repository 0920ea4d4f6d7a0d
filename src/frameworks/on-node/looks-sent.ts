/**
 * A held response looks sent to the application: `headersSent` is true and, after `end`, so is `writableEnded`. These
 * getters are shared by all responses, so that all held responses keep one hidden class.
 */
import type { ServerResponse } from "node:http";
import { isHttp2 } from "./response-head.ts";
import { HOLD, type Holdable, type Layer } from "./response-methods.ts";

/** The hold that keeps the response back right now, if one does. */
function holding(response: Holdable): Layer | undefined {
  let layer = response[HOLD];
  while (layer !== undefined && !layer.isHolding) layer = layer.below;
  return layer;
}

function actual(response: ServerResponse, name: "headersSent" | "writableEnded"): boolean {
  return Reflect.get(Object.getPrototypeOf(response), name, response);
}

const headersSent: PropertyDescriptor & ThisType<Holdable> = {
  configurable: true,
  get() {
    return holding(this) !== undefined || actual(this, "headersSent");
  },
};

const ended: PropertyDescriptor & ThisType<Holdable> = {
  configurable: true,
  get() {
    return holding(this)?.isEnded || actual(this, "writableEnded");
  },
};

/** Makes a response look sent whenever a hold keeps it back. */
export function lookSentWhileHeld(response: Holdable): void {
  Object.defineProperty(response, "headersSent", headersSent);
  // On HTTP/1 `finished` is a plain property, which the hold sets, and `writableEnded` follows it.
  if (isHttp2(response)) Object.defineProperties(response, { writableEnded: ended, finished: ended });
}
