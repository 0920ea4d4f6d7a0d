/**
 * Holds a response of `node:http` or `node:http2` from the moment its first byte would leave until the session is stored.
 *
 * Meanwhile the response looks sent: `headersSent` and, after `end`, `writableEnded` are true, headers can no longer be
 * set, `write` returns false and `drain` follows. Once the session is stored, the held calls are made again on the methods
 * that the response had before, and Node answers each of them as it always does. From then on every call passes through;
 * nothing is un-patched, so whatever wrapped the response after us keeps working. If the session cannot be stored, the
 * handler's response is dropped, and the response is put back as it was found, for an error page. Where there is nothing
 * to store, nothing is held: the first byte leaves at once. A response that the handler has ended leaves whatever comes
 * after it: an error, or that the response, the request or the connection is destroyed.
 *
 * A response may have several holds, each around the ones that were there before it.
 */
import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { Readable } from "node:stream";
import { errorPage } from "../error-page.ts";
import type { Header } from "../session-headers.ts";
import { type Closing, whenClosed } from "./closed.ts";
import { connectionOf, isEndOfPeer, keepOpenWhileHeld } from "./kept-open.ts";
import { lookSentWhileHeld } from "./looks-sent.ts";
import { checkChunk, checkedStatus, checkReason, tooLateTo, tooLateToWrite } from "./refusals.ts";
import { addSessionHeaders, isHttp2, SavedHead, setHeaders } from "./response-head.ts";
import {
  type Heading,
  HOLD,
  type Holdable,
  type Layer,
  type Listening,
  type Method,
  type Methods,
  methodsAt,
  methodsOf,
  piped,
  putMethodsBack,
  type Sending,
} from "./response-methods.ts";
import { afterTurn } from "./turn.ts";

/** The session's side of a held response. */
export interface Keeper {
  /**
   * Called when the first byte would leave, with the status of that moment: stores the session. Answers without a promise
   * where nothing has to be stored: then nothing is held.
   */
  commit(status: number): Promise<unknown> | undefined;
  /**
   * Called when the handler ends a response whose first byte was let go, or held, before: stores what has changed since. The
   * last byte is held until the promise is settled; without one, or without this method, it leaves at once.
   */
  commitEnd?(): Promise<unknown> | undefined;
  /** Whether `write` and `end` after the end are ignored, and answer false. Node emits an error for them. */
  readonly ignoresCallsAfterEnd?: boolean;
  /** The headers to add to the response. Called after the commit, when the first byte leaves. */
  headers(): readonly Header[];
  /** Called when the commit has failed. The response is as it was found; where bytes have left already, it is destroyed. */
  failed(error: unknown): void;
}

/** How long a response may take to leave after its release, where its connection was to be closed already. Milliseconds. */
const LONGEST_SENDING = 5000;

/** Lets nothing of the response leave before the promise of `keeper.commit` is settled. */
export function holdResponse(response: ServerResponse | Http2ServerResponse, keeper: Keeper): void {
  // The members that are used here are the same in both.
  new Hold(response as ServerResponse, keeper);
}

/** open → held → released, or dropped when the commit has failed. */
type Phase = "open" | "held" | "released" | "dropped";

class Hold implements Layer, Closing {
  isEnded = false;
  readonly below: Layer | undefined;
  readonly depth: number;

  #phase: Phase = "open";
  readonly #response: Holdable;
  readonly #keeper: Keeper;
  readonly #ours: Methods;
  /** The methods before this hold. */
  readonly #found: Methods;
  readonly #head: SavedHead;
  /** The methods when the holding began. */
  #heading: Methods | undefined;
  /** The handler's calls while held, to be made again. */
  #calls: [name: Sending, args: unknown[]][] = [];
  #status = 200;
  #statusMessage: string | undefined;
  /** The handler has called `end`; noted only where calls after it are ignored. */
  #hasEnd = false;
  /** The keeper has stored everything up to the end of the response. */
  #isEndCommitted = false;
  /** We are calling `writeHead` ourselves, as Node does at the first byte. */
  #isImplicit = false;
  /**
   * The handler has ended the response while held, in an earlier turn. A plain response has left by then, and of a later write Node
   * tells only the callback. Made again right after the end, it would be an "error" event, which may end the process.
   */
  #isOver = false;
  #hasClosed = false;
  /** The error of the commit. */
  #error: unknown;
  readonly #sources: Readable[] = [];
  readonly #drainListeners: Method[] = [];
  /** Whatever was to close the connection while held. */
  readonly #closing: (() => void)[] = [];

  constructor(response: Holdable, keeper: Keeper) {
    this.#response = response;
    this.#keeper = keeper;
    this.#found = methodsOf(response);
    this.#head = new SavedHead(response);
    this.below = response[HOLD];
    this.depth = this.below === undefined ? 0 : this.below.depth + 1;
    this.#ours = methodsAt(this.depth);
    if (this.below === undefined) response.on("pipe", piped);
    response[HOLD] = this;
    this.#patch(response as unknown as Methods, this.#ours);
  }

  get isHolding(): boolean {
    return this.#phase === "held";
  }

  #patch(methods: Methods, ours: Methods): void {
    methods.writeHead = ours.writeHead;
    methods.write = ours.write;
    methods.end = ours.end;
    methods.flushHeaders = ours.flushHeaders;
    // Compression keeps listeners for "drain" on a stream of its own, which may not be full when the hold is.
    if (Object.hasOwn(methods, "on")) methods.on = ours.on;
    // Compression flushes its own stream, which is empty as long as the writes are held.
    if (Object.hasOwn(methods, "flush")) methods.flush = ours.flush;
    if (Object.hasOwn(methods, "addListener")) methods.addListener = ours.addListener;
  }

  #lookSent(): void {
    if (this.#heading !== undefined) return;
    const methods = this.#response as unknown as Methods;
    this.#heading = methodsOf(this.#response);
    methods.setHeader = this.#ours.setHeader;
    if (methods.setHeaders !== undefined) methods.setHeaders = this.#ours.setHeaders; // HTTP/2 has none.
    methods.appendHeader = this.#ours.appendHeader;
    methods.removeHeader = this.#ours.removeHeader;
    methods.destroy = this.#ours.destroy;
    lookSentWhileHeld(this.#response);
    whenClosed(this.#response, this);
  }

  /** Refuses to change a header while held, as Node does once the head is sent. */
  changeHead(name: Heading, args: unknown[]): unknown {
    if (this.#phase === "held") throw tooLateTo(CHANGES[name]);
    return (this.#heading as Methods)[name].apply(this.#response, args);
  }

  listen(name: Listening, args: unknown[]): unknown {
    const [event, listener] = args;
    if (event === "drain" && this.#phase !== "released") this.#drainListeners.push(listener as Method);
    return this.#found[name].apply(this.#response, args);
  }

  /** Once ended, a held response leaves before it is destroyed. */
  destroy(args: unknown[]): unknown {
    const response = this.#response;
    if (!this.isHolding || !this.isEnded || isEndOfPeer(connectionOf(response), args[0])) {
      return this.#found.destroy.apply(response, args);
    }
    this.whenSent(() => response.destroy(args[0] as Error | undefined));
    return response;
  }

  whenSent(close: () => void): void {
    this.#response.once("finish", close);
    this.#closing.push(close);
  }

  /** The hold is over: from now on only the client can keep the response from leaving. */
  #closeSoon(): void {
    for (const close of this.#closing) setTimeout(close, LONGEST_SENDING).unref?.();
  }

  send(name: Sending, args: unknown[]): unknown {
    if (this.#keeper.ignoresCallsAfterEnd && (name === "end" || name === "write")) {
      if (this.#hasEnd) return false;
      this.#hasEnd = name === "end";
    }
    if (this.#phase === "released") return name === "end" ? this.#passEnd(args) : this.#pass(name, args);
    if (this.#phase === "dropped") return this.#refuse(name, args);
    if (name === "writeHead") return this.#writeHead(args);
    if (name === "flush" && this.#phase === "open") return this.#pass(name, args); // There is no first byte yet.
    const [chunk] = args;
    const hasChunk = name === "write" || (name === "end" && chunk && typeof chunk !== "function");
    if (name === "write" || (hasChunk && !this.isEnded)) checkChunk(chunk);
    if (hasChunk && this.#isOver) {
      tellCallback(args, tooLateToWrite());
      return answerTo(name, this.#response, false);
    }
    // A response that is ended at once has one commit: its first byte is its last.
    if (name === "end" && this.#phase === "open") this.#isEndCommitted = true;
    return this.#begin() === "released" ? this.#passFirst(name, args) : this.#keep(name, args);
  }

  #writeHead([status, reason, headers]: unknown[]): unknown {
    if (this.#phase === "held") throw tooLateTo("write");
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

  /** Keeps a call until the commit is done. */
  #keep(name: Sending, args: unknown[]): unknown {
    this.#calls.push([name, args]);
    if (name === "end") this.#end();
    return answerTo(name, this.#response, false);
  }

  #end(): void {
    this.isEnded = true;
    process.nextTick(() => {
      this.#isOver = true;
    });
    keepOpenWhileHeld(this.#response);
  }

  /** Refuses a call that came by a method of ours, kept from before, after the handler's response was dropped. */
  #refuse(name: Sending, args: unknown[]): unknown {
    tellCallback(args, this.#error);
    // A stream that is piped here may run to its end: no "drain" would follow.
    return answerTo(name, this.#response, true);
  }

  #pass(name: Sending, args: unknown[]): unknown {
    return this.#found[name].apply(this.#response, args);
  }

  /** Ends the response once the keeper has stored what changed since the first byte. */
  #passEnd(args: unknown[]): unknown {
    const committing = this.#isEndCommitted ? undefined : this.#keeper.commitEnd?.();
    this.#isEndCommitted = true;
    if (committing === undefined) return this.#pass("end", args);
    this.#phase = "held";
    this.#lookSent();
    afterTurn(
      committing,
      () => this.#releaseEnd(),
      (error) => this.#drop(error),
    );
    return this.#keep("end", args);
  }

  #releaseEnd(): void {
    this.#phase = "released";
    this.#callAgain();
  }

  get #isWrapped(): boolean {
    return (this.#response.writeHead as unknown) !== this.#ours.writeHead;
  }

  /** Passes the first call on. Node's methods call `writeHead`; its wrappers were called already, so they are left out. */
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

  /** The first byte. As in Node, wrappers of `writeHead` (on-headers, compression) run before the head is fixed. */
  #begin(): Phase {
    if (this.#phase !== "open") return this.#phase;
    if (this.#isWrapped) {
      this.#isImplicit = true;
      try {
        this.#response.writeHead(this.#response.statusCode);
      } finally {
        this.#isImplicit = false;
      }
    }
    if (this.#phase === "open") {
      const code = checkedStatus(this.#response.statusCode);
      checkStatusMessage(this.#response);
      this.#commit(code);
    }
    return this.#phase;
  }

  #commit(status: number): void {
    const response = this.#response;
    if (!isHttp2(response)) this.#statusMessage = response.statusMessage;
    response.statusCode = status;
    this.#status = status;
    this.#phase = "held";
    const committing = this.#keeper.commit(this.#status);
    if (committing === undefined) this.#letThrough();
    else {
      this.#lookSent();
      afterTurn(
        committing,
        () => this.#release(),
        (error) => this.#drop(error),
      );
    }
  }

  /** Nothing is stored and nothing was held, so a head that Node refuses is refused at the handler's call. */
  #letThrough(): void {
    this.#phase = "released";
    try {
      this.#fixHead(this.#keeper.headers());
    } catch (error) {
      this.#drop(error);
      return;
    }
    this.#callAgain();
  }

  /** The session is stored: lets the response go, with the session's headers. */
  #release(): void {
    try {
      this.#phase = "released";
      this.#fixHead(this.#keeper.headers());
      this.#callAgain();
      this.#closeSoon();
    } catch (error) {
      this.#drop(error);
    }
  }

  #fixHead(headers: readonly Header[]): void {
    const response = this.#response;
    if (response.statusCode !== this.#status) response.statusCode = this.#status;
    if (!isHttp2(response) && response.statusMessage !== this.#statusMessage) {
      response.statusMessage = this.#statusMessage as string;
    }
    // If the head left before session() came, our headers cannot be sent. A cookie throws then; the others are left out.
    addSessionHeaders(response, response.headersSent ? headers.filter(isCookie) : headers);
  }

  #callAgain(): void {
    const calls = this.#calls;
    if (calls.length === 0) return;
    const response = this.#response;
    // Node's methods call `writeHead`; its wrappers were called already, so they are left out.
    const { writeHead } = response;
    response.writeHead = this.#found.writeHead as typeof writeHead;
    this.#calls = [];
    let needsDrain = false;
    try {
      for (const [name, args] of calls) {
        if (this.#phase === "held") {
          this.#calls.push([name, args]); // The end is held once more, and these calls came after it.
          continue;
        }
        const hasRoom = name === "end" ? this.#passEnd(args) : this.#pass(name, args);
        // The writer was told that there is no room; where there is, Node will emit no "drain".
        if (name === "write") needsDrain = hasRoom !== false;
        if (name === "end") needsDrain = false;
      }
    } finally {
      response.writeHead = writeHead;
    }
    if (needsDrain) process.nextTick(() => this.#drain());
  }

  #drain(): void {
    const response = this.#response;
    const told = response.rawListeners("drain");
    response.emit("drain");
    for (const listener of this.#drainListeners) if (!told.includes(listener)) listener.call(response);
  }

  /** The commit has failed: nothing of the handler's response will leave. */
  #drop(error: unknown): void {
    const response = this.#response;
    this.#phase = "dropped";
    this.#error = error;
    for (const [, args] of this.#calls) tellCallback(args, error);
    this.#calls = [];
    putMethodsBack(response, this.#found);
    for (const source of this.#sources) source.unpipe(response);
    if (this.#hasClosed) this.#closeSources();
    // The handler may go on writing after the error page has ended; that must not end the process.
    response.on("error", () => {});
    if (response.headersSent) response.destroy();
    else this.#head.putBack();
    // A handler that goes on writing cannot be told from an error page, but what it sends must not look like a success.
    if (response.statusCode < 400) response.statusCode = errorPage(error).status;
    this.#keeper.failed(error);
    this.#closeSoon();
  }

  closed(): void {
    this.#hasClosed = true;
    if (this.#phase === "dropped") this.#closeSources();
  }

  piped(source: Readable): void {
    this.#sources.push(source);
  }

  /** Closes what was piped here and is read nowhere else: it would keep its file open. */
  #closeSources(): void {
    for (const source of this.#sources) if (source.listenerCount("data") === 0) source.destroy();
  }
}

const CHANGES: Record<Heading, string> = {
  setHeader: "set",
  setHeaders: "set",
  appendHeader: "append",
  removeHeader: "remove",
};

/** The return value of a call that has not reached Node. */
function answerTo(name: Sending, response: ServerResponse, hasRoom: boolean): unknown {
  if (name === "write") return hasRoom;
  return name === "end" || name === "writeHead" ? response : undefined;
}

/** Gives the error to the callback of a dropped `write` or `end`, so that nothing waits for it for ever. */
function tellCallback(args: readonly unknown[], error: unknown): void {
  const callback = args.findLast((arg) => typeof arg === "function");
  if (callback !== undefined) process.nextTick(callback as Method, error);
}

function checkStatusMessage(response: ServerResponse): void {
  if (!isHttp2(response) && response.statusMessage) checkReason(response.statusMessage);
}

function isCookie([name]: Header): boolean {
  return name.toLowerCase() === "set-cookie";
}
