/**
 * The errors that Node throws at a call. A held call throws them too, as later no code of the handler could catch them. Node's own
 * checks are not imported: an import of `node:http` loads all that this module exports, a WebSocket client among it, and takes
 * longer than the rest of this package.
 */

export function tooLateTo(doing: string): Error {
  return withCode(
    "ERR_HTTP_HEADERS_SENT",
    new Error(`Cannot ${doing} headers after they are sent to the client`),
  );
}

/** The status as a number, as Node takes "404" too. */
export function checkedStatus(given: unknown): number {
  const status = Math.trunc(Number(given));
  if (status >= 100 && status <= 999) return status;
  throw withCode("ERR_HTTP_INVALID_STATUS_CODE", new RangeError(`Invalid status code: ${String(given)}`));
}

export function checkReason(statusMessage: string): void {
  if (!/[^\t\x20-\x7e\x80-\xff]/.test(statusMessage)) return;
  throw withCode("ERR_INVALID_CHAR", new TypeError('Invalid character in header content ["statusMessage"]'));
}

export function checkChunk(chunk: unknown): void {
  if (typeof chunk === "string" || chunk instanceof Uint8Array) return;
  throw withCode(
    chunk === null ? "ERR_STREAM_NULL_VALUES" : "ERR_INVALID_ARG_TYPE",
    new TypeError('The "chunk" argument must be of type string or an instance of Buffer or Uint8Array.'),
  );
}

export function tooLateToWrite(): Error {
  return withCode("ERR_STREAM_WRITE_AFTER_END", new Error("write after end"));
}

export function checkHeaderList(flat: readonly unknown[]): void {
  if (flat.length % 2 === 0) return;
  throw withCode(
    "ERR_INVALID_ARG_VALUE",
    new TypeError("writeHead takes a list of names, each followed by its value."),
  );
}

function withCode(code: string, error: Error): Error {
  return Object.assign(error, { code });
}
