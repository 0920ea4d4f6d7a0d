/**
 * The functions that stand in for the methods of a held response. All responses share them, one set for each depth, and
 * each function finds its hold by `this`: functions made for each response keep responses alive from one garbage
 * collection to the next, which cost more than the rest of a session (docs/decisions.md, "frameworks/on-node").
 */
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";

export type Method = (...args: unknown[]) => unknown;

/** The methods that send something; compression brings `flush`. */
export type Sending = "writeHead" | "write" | "end" | "flushHeaders" | "flush";
/** The methods that change a header. */
export type Heading = "setHeader" | "setHeaders" | "appendHeader" | "removeHeader";
/** The methods that add a listener. */
export type Listening = "on" | "addListener";
export type Methods = Record<Sending | Heading | Listening | "destroy", Method>;

/** A hold, as the shared functions see it. */
export interface Layer {
  /** The hold that was there before this one. */
  readonly below: Layer | undefined;
  /** The number of holds below this one. */
  readonly depth: number;
  /** The response is kept back by this hold right now. */
  readonly isHolding: boolean;
  /** The handler has called `end`. */
  readonly isEnded: boolean;
  send(name: Sending, args: unknown[]): unknown;
  changeHead(name: Heading, args: unknown[]): unknown;
  listen(name: Listening, args: unknown[]): unknown;
  destroy(args: unknown[]): unknown;
  /** Calls `close` when the response has left; some seconds after its release where the client does not take it. */
  whenSent(close: () => void): void;
  piped(source: Readable): void;
}

/** The property of a response that holds its outermost hold. */
export const HOLD = Symbol("coatcheck.hold");

export type Holdable = ServerResponse & { [HOLD]?: Layer };

/** The hold that keeps a response back right now, if one does. */
export function holding(response: Holdable): Layer | undefined {
  let layer = response[HOLD];
  while (layer !== undefined && !layer.isHolding) layer = layer.below;
  return layer;
}

const layers: Methods[] = [];

/** The functions of all holds at one depth. */
export function methodsAt(depth: number): Methods {
  layers[depth] ??= makeMethods(depth);
  return layers[depth];
}

function makeMethods(depth: number): Methods {
  const layer = (response: Holdable): Layer => {
    let at = response[HOLD] as Layer;
    while (at.depth > depth) at = at.below as Layer;
    return at;
  };
  const sending = (name: Sending): Method =>
    function (this: unknown, ...args) {
      return layer(this as Holdable).send(name, args);
    };
  const heading = (name: Heading): Method =>
    function (this: unknown, ...args) {
      return layer(this as Holdable).changeHead(name, args);
    };
  const listening = (name: Listening): Method =>
    function (this: unknown, ...args) {
      return layer(this as Holdable).listen(name, args);
    };
  return {
    writeHead: sending("writeHead"),
    write: sending("write"),
    end: sending("end"),
    flushHeaders: sending("flushHeaders"),
    flush: sending("flush"),
    setHeader: heading("setHeader"),
    setHeaders: heading("setHeaders"),
    appendHeader: heading("appendHeader"),
    removeHeader: heading("removeHeader"),
    on: listening("on"),
    addListener: listening("addListener"),
    destroy(this: unknown, ...args) {
      return layer(this as Holdable).destroy(args);
    },
  };
}

/** The listener for "pipe": one on each response, for all its holds. */
export function piped(this: Holdable, source: Readable): void {
  for (let layer = this[HOLD]; layer !== undefined; layer = layer.below) layer.piped(source);
}

/** The methods of a response as they are now. */
export function methodsOf(response: ServerResponse): Methods {
  const { writeHead, write, end, flushHeaders, flush } = response as ServerResponse & { flush?(): void };
  const { setHeader, setHeaders, appendHeader, removeHeader, on, addListener, destroy } = response;
  return {
    writeHead,
    write,
    end,
    flushHeaders,
    flush,
    setHeader,
    setHeaders,
    appendHeader,
    removeHeader,
    on,
    addListener,
    destroy,
  } as unknown as Methods;
}

/** Makes the methods of a response what they were. */
export function putMethodsBack(response: ServerResponse, found: Methods): void {
  const own = response as unknown as Record<string, unknown>;
  const inherited = Object.getPrototypeOf(response);
  for (const [name, method] of Object.entries(found)) {
    if (method === inherited[name]) delete own[name];
    else own[name] = method;
  }
}
