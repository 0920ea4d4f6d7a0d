/**
 * Holds a response of `node:http` or `node:http2` from the moment its first byte would leave until the session is stored.
 *
 * To everyone else a held response looks sent: `headersSent` and, after `end`, `writableEnded` are true, headers can no
 * longer be set, `write` returns false and `drain` follows. Once the session is stored, what was held is done again on
 * the methods that were found here, and Node answers each call as it always does. From then on every call passes through;
 * nothing is un-patched, so whoever wrapped the response after us keeps working. If the session cannot be stored, the
 * handler's response is dropped, and the response is given back as it was found, for an error page.
 *
 * Several holds may lie on one response, each inside the ones that were there before it.
 */
import { type ServerResponse, validateHeaderValue } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { Readable } from "node:stream";
import { errorPage } from "./error-page.ts";
import { checkChunk, checkedStatus, tooLateTo } from "./refusals.ts";
import { addSessionHeaders, type Header, isHttp2, rememberHead, setHeaders } from "./response-head.ts";

export interface Keeper {
  /** The first byte would leave now, with this status: stores the session, and says which headers go along. */
  commit(status: number): Promise<readonly Header[]>;
  /** The commit failed. The response is as it was found; where bytes have left, it is destroyed. */
  failed(error: unknown): void;
  /** The response has closed, sent or not. Not told after `failed`. */
  ended(): void;
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

  readonly #response: Holdable;
  readonly #keeper: Keeper;
  readonly #found: Methods;
  readonly #putHeadBack: () => void;
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
    this.#putHeadBack = rememberHead(response);
    this.below = response[HOLD];
    if (this.below === undefined) lookSentWhileHeld(response);
    response[HOLD] = this;
    response.on("close", () => this.#closed());
    response.on("pipe", (source) => this.#sources.push(source));
    this.#patch(response as unknown as Methods);
  }

  #patch(methods: Methods): void {
    methods.writeHead = (...args) => this.#send("writeHead", args);
    methods.write = (...args) => this.#send("write", args);
    methods.end = (...args) => this.#send("end", args);
    methods.flushHeaders = (...args) => this.#send("flushHeaders", args);
    this.#guard(methods, "setHeader", "set");
    this.#guard(methods, "setHeaders", "set");
    this.#guard(methods, "appendHeader", "append");
    this.#guard(methods, "removeHeader", "remove");
    this.#overhear(methods, "on");
    this.#overhear(methods, "addListener");
  }

  #guard(methods: Methods, name: Heading, doing: string): void {
    const found = this.#found[name];
    if (found === undefined) return; // HTTP/2 has no setHeaders.
    methods[name] = (...args) => {
      if (this.phase === "held") throw tooLateTo(doing);
      return found.apply(this.#response, args);
    };
  }

  /** Compression keeps "drain" listeners for a stream of its own. That one may never have been full, but we were. */
  #overhear(methods: Methods, name: Listening): void {
    if (!Object.hasOwn(methods, name)) return;
    const found = this.#found[name];
    methods[name] = (event, listener) => {
      if (event === "drain" && this.phase !== "released") this.#drainListeners.push(listener as Method);
      return found.call(this.#response, event, listener);
    };
  }

  #send(name: Sending, args: unknown[]): unknown {
    if (this.phase === "released") return this.#pass(name, args);
    // Whoever kept our methods, and uses them when the response is no more ours.
    if (this.phase === "dropped") refuse(args, this.#error);
    else if (name === "writeHead") this.#writeHead(args);
    else this.#keep(name, args);
    // A dropped stream may run to its end; nobody will tell it to go on.
    if (name === "write") return this.phase === "dropped";
    return name === "flushHeaders" ? undefined : this.#response;
  }

  #writeHead([status, reason, headers]: unknown[]): void {
    if (this.phase === "held") throw tooLateTo("write");
    const response = this.#response;
    const code = checkedStatus(status);
    const hasReason = typeof reason === "string";
    if (!isHttp2(response)) {
      if (hasReason) response.statusMessage = reason;
      if (response.statusMessage) validateHeaderValue("statusMessage", response.statusMessage);
    }
    setHeaders(response, headers ?? (hasReason ? undefined : reason));
    response.statusCode = code;
    if (!this.#isImplicit) this.#calls.push(["writeHead", [code]]);
    this.#commit();
  }

  #keep(name: Sending, args: unknown[]): void {
    const [chunk] = args;
    if (name === "write" || (name === "end" && chunk && typeof chunk !== "function")) checkChunk(chunk);
    this.#begin();
    this.#calls.push([name, args]);
    if (name === "end") this.#lookEnded(true);
  }

  #pass(name: Sending, args: unknown[]): unknown {
    return this.#found[name].apply(this.#response, args);
  }

  /** The first byte. As in Node, whoever wraps `writeHead` (on-headers, compression) has its say before the head is fixed. */
  #begin(): void {
    if (this.phase !== "open") return;
    this.#isImplicit = true;
    try {
      this.#response.writeHead(this.#response.statusCode);
    } finally {
      this.#isImplicit = false;
    }
    this.#commit();
  }

  #commit(): void {
    if (this.phase !== "open") return;
    this.#status = this.#response.statusCode;
    if (!isHttp2(this.#response)) this.#statusMessage = this.#response.statusMessage;
    this.phase = "held";
    void this.#settle();
  }

  async #settle(): Promise<void> {
    try {
      this.#release(await this.#keeper.commit(this.#status));
    } catch (error) {
      this.#drop(error);
      return;
    }
    if (this.#hasClosed) this.#keeper.ended();
  }

  #release(headers: readonly Header[]): void {
    const response = this.#response;
    this.phase = "released";
    if (this.ended) this.#lookEnded(false);
    response.statusCode = this.#status;
    if (!isHttp2(response)) response.statusMessage = this.#statusMessage as string;
    // Where the head left before session() was there, only a cookie that cannot be sent is worth an error.
    addSessionHeaders(response, response.headersSent ? headers.filter(isCookie) : headers);

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
    // The handler may still be writing: into a response that is not its own any more, and may have ended.
    response.on("error", () => {});
    if (response.headersSent) response.destroy();
    else this.#putHeadBack();
    // A handler that goes on writing cannot be told from an error page, but what it sends is not a success.
    if (response.statusCode < 400) response.statusCode = errorPage(error).status;
    this.#keeper.failed(error);
  }

  #closed(): void {
    if (this.phase === "held") this.#hasClosed = true;
    else if (this.phase === "dropped") this.#closeSources();
    else this.#keeper.ended();
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

function isCookie([name]: Header): boolean {
  return name.toLowerCase() === "set-cookie";
}

/** Tells the callback of a dropped `write` or `end`, so that nobody waits for it for ever. */
function refuse(args: readonly unknown[], error: unknown): void {
  const callback = args.findLast((arg) => typeof arg === "function");
  if (callback !== undefined) process.nextTick(callback as Method, error);
}
