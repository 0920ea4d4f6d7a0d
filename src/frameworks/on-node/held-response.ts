/**
 * Holds a response of `node:http` or `node:http2` from the moment its first byte would leave until the session is stored.
 *
 * To everyone else a held response looks sent: `headersSent` and, after `end`, `writableEnded` are true, headers can no
 * longer be set, `write` returns false and `drain` follows. Once the session is stored, what was held is done again on
 * the methods that were found here, and Node answers each call as it always does. From then on every call passes through;
 * nothing is un-patched, so whoever wrapped the response after us keeps working. If the session cannot be stored, the
 * handler's response is dropped, and the response is given back as it was found, for an error page. Where there is nothing
 * to store, nothing is held: the first byte leaves at once.
 *
 * Several holds may lie on one response, each inside the ones that were there before it.
 */
import { type ServerResponse, validateHeaderValue } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { Readable } from "node:stream";
import { errorPage } from "../error-page.ts";
import { checkChunk, checkedStatus, tooLateTo } from "./refusals.ts";
import { addSessionHeaders, Head, type Header, isHttp2, setHeaders } from "./response-head.ts";
import { afterTurn } from "./turn.ts";

export interface Keeper {
  /**
   * The first byte would leave now, with this status: stores the session, and says which headers go along. Answers
   * without a promise where nothing is to be stored: then nothing is held.
   */
  commit(status: number): readonly Header[] | Promise<readonly Header[]>;
  /** The commit failed. The response is as it was found; where bytes have left, it is destroyed. */
  failed(error: unknown): void;
}

/** Lets nothing of the response leave before `keeper.commit` has settled, which begins with the first byte. */
export function holdResponse(response: ServerResponse | Http2ServerResponse, keeper: Keeper): void {
  // What is used here is the same in both.
  new Hold(response as ServerResponse, keeper);
}

/** open → held → released, or dropped when the commit failed. */
type Phase = "open" | "held" | "released" | "dropped";

type Method = (...args: unknown[]) => unknown;
/** What the handler sends with, and what can change what is sent. */
type Sending = "writeHead" | "write" | "end" | "flushHeaders";
type Heading = "setHeader" | "setHeaders" | "appendHeader" | "removeHeader";
type Listening = "on" | "addListener";
type Methods = Record<Sending | Heading | Listening, Method>;

/** The outermost hold on a response. */
const HOLD = Symbol("coatcheck.hold");
type Holdable = ServerResponse & { [HOLD]?: Hold };

class Hold {
  phase: Phase = "open";
  /** The handler called `end`. */
  ended = false;
  readonly below: Hold | undefined;
  /** How many holds are below this one. */
  readonly depth: number;

  readonly #response: Holdable;
  readonly #keeper: Keeper;
  readonly #ours: Methods;
  readonly #found: Methods;
  readonly #head: Head;
  /** The methods as they were when the holding began. */
  #heading: Methods | undefined;
  /** What the handler did while held, to be done when released. */
  #calls: [name: Sending, args: unknown[]][] = [];
  #status = 200;
  #statusMessage: string | undefined;
  /** `writeHead` was called by us, as Node does at the first byte, and not by the handler. */
  #isImplicit = false;
  #hasClosed = false;
  /** Why the commit failed. */
  #error: unknown;
  readonly #sources: Readable[] = [];
  readonly #drainListeners: Method[] = [];

  constructor(response: Holdable, keeper: Keeper) {
    this.#response = response;
    this.#keeper = keeper;
    this.#found = methodsOf(response);
    this.#head = new Head(response);
    this.below = response[HOLD];
    this.depth = this.below === undefined ? 0 : this.below.depth + 1;
    this.#ours = methodsAt(this.depth);
    if (this.below === undefined) response.on("pipe", piped);
    response[HOLD] = this;
    this.#patch(response as unknown as Methods, this.#ours);
  }

  #patch(methods: Methods, ours: Methods): void {
    methods.writeHead = ours.writeHead;
    methods.write = ours.write;
    methods.end = ours.end;
    methods.flushHeaders = ours.flushHeaders;
    // Compression keeps "drain" listeners for a stream of its own. That one may never have been full, but we were.
    if (Object.hasOwn(methods, "on")) methods.on = ours.on;
    if (Object.hasOwn(methods, "addListener")) methods.addListener = ours.addListener;
  }

  /** To everyone else, a response that is held looks sent. */
  #lookSent(): void {
    const methods = this.#response as unknown as Methods;
    this.#heading = methodsOf(this.#response);
    methods.setHeader = this.#ours.setHeader;
    if (methods.setHeaders !== undefined) methods.setHeaders = this.#ours.setHeaders; // HTTP/2 has none.
    methods.appendHeader = this.#ours.appendHeader;
    methods.removeHeader = this.#ours.removeHeader;
    lookSentWhileHeld(this.#response);
    this.#response.on("close", () => {
      this.#hasClosed = true;
    });
  }

  /** A header is to be changed, once the head is fixed. */
  head(name: Heading, args: unknown[]): unknown {
    if (this.phase === "held") throw tooLateTo(CHANGES[name]);
    return (this.#heading as Methods)[name].apply(this.#response, args);
  }

  listen(name: Listening, args: unknown[]): unknown {
    const [event, listener] = args;
    if (event === "drain" && this.phase !== "released") this.#drainListeners.push(listener as Method);
    return this.#found[name].apply(this.#response, args);
  }

  send(name: Sending, args: unknown[]): unknown {
    if (this.phase === "released") return this.#pass(name, args);
    if (this.phase !== "dropped") {
      if (name === "writeHead") return this.#writeHead(args);
      const [chunk] = args;
      if (name === "write" || (name === "end" && chunk && typeof chunk !== "function")) checkChunk(chunk);
      if (this.#begin() === "released") return this.#passFirst(name, args);
    }
    return this.#keep(name, args);
  }

  #writeHead([status, reason, headers]: unknown[]): unknown {
    if (this.phase === "held") throw tooLateTo("write");
    const response = this.#response;
    const code = checkedStatus(status);
    const hasReason = typeof reason === "string";
    if (hasReason && !isHttp2(response)) response.statusMessage = reason;
    checkStatusMessage(response);
    setHeaders(response, headers ?? (hasReason ? undefined : reason));
    if (!this.#isImplicit) this.#calls.push(["writeHead", [code]]);
    this.#commit(code);
    return response;
  }

  /** Keeps a call until we know; whoever kept our methods, and uses them when the response is no more ours, is refused. */
  #keep(name: Sending, args: unknown[]): unknown {
    const isDropped = this.phase === "dropped";
    if (isDropped) refuse(args, this.#error);
    else this.#calls.push([name, args]);
    if (name === "end" && !isDropped) this.#lookEnded(true);
    // A dropped stream may run to its end; nobody will tell it to go on.
    if (name === "write") return isDropped;
    return name === "flushHeaders" ? undefined : this.#response;
  }

  #pass(name: Sending, args: unknown[]): unknown {
    return this.#found[name].apply(this.#response, args);
  }

  get #isWrapped(): boolean {
    return (this.#response.writeHead as unknown) !== this.#ours.writeHead;
  }

  /** As Node's methods call writeHead again, those who wrapped it, and have been asked already, are passed by. */
  #passFirst(name: Sending, args: unknown[]): unknown {
    if (!this.#isWrapped) return this.#pass(name, args);
    const response = this.#response;
    const { writeHead } = response;
    response.writeHead = this.#found.writeHead as typeof writeHead;
    try {
      return this.#pass(name, args);
    } finally {
      response.writeHead = writeHead;
    }
  }

  /** The first byte. As in Node, whoever wraps `writeHead` (on-headers, compression) has its say before the head is fixed. */
  #begin(): Phase {
    if (this.phase !== "open") return this.phase;
    if (this.#isWrapped) {
      this.#isImplicit = true;
      try {
        this.#response.writeHead(this.#response.statusCode);
      } finally {
        this.#isImplicit = false;
      }
    }
    if (this.phase === "open") {
      const code = checkedStatus(this.#response.statusCode);
      checkStatusMessage(this.#response);
      this.#commit(code);
    }
    return this.phase;
  }

  #commit(status: number): void {
    const response = this.#response;
    if (!isHttp2(response)) this.#statusMessage = response.statusMessage;
    response.statusCode = status;
    this.#status = status;
    this.phase = "held";
    const headers = this.#keeper.commit(this.#status);
    if (isList(headers)) this.#settle(headers);
    else {
      this.#lookSent();
      afterTurn(
        headers,
        (headers) => this.#settle(headers as readonly Header[]),
        (error) => this.#drop(error),
      );
    }
  }

  #settle(headers: readonly Header[]): void {
    try {
      this.#release(headers);
    } catch (error) {
      this.#drop(error);
    }
  }

  #release(headers: readonly Header[]): void {
    const response = this.#response;
    this.phase = "released";
    if (this.ended) this.#lookEnded(false);
    if (response.statusCode !== this.#status) response.statusCode = this.#status;
    if (!isHttp2(response) && response.statusMessage !== this.#statusMessage) {
      response.statusMessage = this.#statusMessage as string;
    }
    // Where the head left before session() was there, only a cookie that cannot be sent is worth an error.
    addSessionHeaders(response, response.headersSent ? headers.filter(isCookie) : headers);

    if (this.#calls.length === 0) return;
    // Node's end calls writeHead again; those who wrapped it have been asked already.
    const { writeHead } = response;
    response.writeHead = this.#found.writeHead as typeof writeHead;
    const calls = this.#calls;
    this.#calls = [];
    let drains = false;
    for (const [name, args] of calls) {
      const hasRoom = this.#pass(name, args);
      // We told the writer that there is no room; where there is, Node will not say so.
      if (name === "write") drains = hasRoom !== false;
      if (name === "end") drains = false;
    }
    response.writeHead = writeHead;
    if (drains) process.nextTick(() => this.#drain());
  }

  #drain(): void {
    const response = this.#response;
    const told = response.rawListeners("drain");
    response.emit("drain");
    for (const listener of this.#drainListeners) if (!told.includes(listener)) listener.call(response);
  }

  #drop(error: unknown): void {
    const response = this.#response;
    this.phase = "dropped";
    this.#error = error;
    if (this.ended) this.#lookEnded(false);
    for (const [, args] of this.#calls) refuse(args, error);
    this.#calls = [];
    putMethodsBack(response, this.#found);
    for (const source of this.#sources) source.unpipe(response);
    if (this.#hasClosed) this.#closeSources();
    else response.on("close", () => this.#closeSources());
    // The handler may still be writing: into a response that is not its own any more, and may have ended.
    response.on("error", () => {});
    if (response.headersSent) response.destroy();
    else this.#head.putBack();
    // A handler that goes on writing cannot be told from an error page, but what it sends is not a success.
    if (response.statusCode < 400) response.statusCode = errorPage(error).status;
    this.#keeper.failed(error);
  }

  piped(source: Readable): void {
    this.#sources.push(source);
  }

  /** What was piped here, and nobody else reads, would keep its file open. */
  #closeSources(): void {
    for (const source of this.#sources) if (source.listenerCount("data") === 0) source.destroy();
  }

  #lookEnded(ended: boolean): void {
    this.ended = ended;
    if (!isHttp2(this.#response)) (this.#response as { finished: boolean }).finished = ended;
  }
}

/** Heard on the response, once for all its holds. */
function piped(this: Holdable, source: Readable): void {
  for (let hold = this[HOLD]; hold !== undefined; hold = hold.below) hold.piped(source);
}

const CHANGES: Record<Heading, string> = {
  setHeader: "set",
  setHeaders: "set",
  appendHeader: "append",
  removeHeader: "remove",
};

/**
 * What stands in for the methods of a response, by the depth of the hold. Shared by all responses: functions of its own on
 * each response cost the garbage collector more than all the rest of a session (docs/decisions.md, "Speed").
 */
const layers: Methods[] = [];

function methodsAt(depth: number): Methods {
  layers[depth] ??= makeMethods(depth);
  return layers[depth];
}

function makeMethods(depth: number): Methods {
  const hold = (response: Holdable): Hold => {
    let at = response[HOLD] as Hold;
    while (at.depth > depth) at = at.below as Hold;
    return at;
  };
  const sending = (name: Sending): Method =>
    function (this: unknown, ...args) {
      return hold(this as Holdable).send(name, args);
    };
  const heading = (name: Heading): Method =>
    function (this: unknown, ...args) {
      return hold(this as Holdable).head(name, args);
    };
  const listening = (name: Listening): Method =>
    function (this: unknown, ...args) {
      return hold(this as Holdable).listen(name, args);
    };
  return {
    writeHead: sending("writeHead"),
    write: sending("write"),
    end: sending("end"),
    flushHeaders: sending("flushHeaders"),
    setHeader: heading("setHeader"),
    setHeaders: heading("setHeaders"),
    appendHeader: heading("appendHeader"),
    removeHeader: heading("removeHeader"),
    on: listening("on"),
    addListener: listening("addListener"),
  };
}

function methodsOf(response: ServerResponse): Methods {
  const { writeHead, write, end, flushHeaders } = response;
  const { setHeader, setHeaders, appendHeader, removeHeader, on, addListener } = response;
  return {
    writeHead,
    write,
    end,
    flushHeaders,
    setHeader,
    setHeaders,
    appendHeader,
    removeHeader,
    on,
    addListener,
  } as unknown as Methods;
}

function putMethodsBack(response: ServerResponse, found: Methods): void {
  const own = response as unknown as Record<string, unknown>;
  const inherited = Object.getPrototypeOf(response);
  for (const [name, method] of Object.entries(found)) {
    if (method === inherited[name]) delete own[name];
    else own[name] = method;
  }
}

/** The hold that keeps the response back right now, if one does. */
function holding(response: Holdable): Hold | undefined {
  let hold = response[HOLD];
  while (hold !== undefined && hold.phase !== "held") hold = hold.below;
  return hold;
}

function actual(response: ServerResponse, name: "headersSent" | "writableEnded"): boolean {
  return Reflect.get(Object.getPrototypeOf(response), name, response);
}

// Shared by all responses: getters of their own would give each response a hidden class of its own.
const headersSent: PropertyDescriptor & ThisType<Holdable> = {
  configurable: true,
  get() {
    return holding(this) !== undefined || actual(this, "headersSent");
  },
};

const ended: PropertyDescriptor & ThisType<Holdable> = {
  configurable: true,
  get() {
    return holding(this)?.ended || actual(this, "writableEnded");
  },
};

function lookSentWhileHeld(response: Holdable): void {
  Object.defineProperty(response, "headersSent", headersSent);
  // On HTTP/1 `finished` is a plain property, which lookEnded sets, and `writableEnded` follows it.
  if (isHttp2(response)) Object.defineProperties(response, { writableEnded: ended, finished: ended });
}

function checkStatusMessage(response: ServerResponse): void {
  if (isHttp2(response) || !response.statusMessage) return;
  validateHeaderValue("statusMessage", response.statusMessage);
}

function isList(headers: readonly Header[] | Promise<readonly Header[]>): headers is readonly Header[] {
  return Array.isArray(headers);
}

function isCookie([name]: Header): boolean {
  return name.toLowerCase() === "set-cookie";
}

/** Tells the callback of a dropped `write` or `end`, so that nobody waits for it for ever. */
function refuse(args: readonly unknown[], error: unknown): void {
  const callback = args.findLast((arg) => typeof arg === "function");
  if (callback !== undefined) process.nextTick(callback as Method, error);
}
