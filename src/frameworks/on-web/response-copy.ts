/**
 * The response that leaves in place of the handler's: a copy with the session's headers. The handler may use one Response for
 * every visitor, so its own is never changed.
 */
import { type Header, joinedTo } from "../session-headers.ts";

const WITHOUT_BODY = new Set([101, 204, 205, 304]);

/**
 * The body that is sent. @hono/node-server lets a response with a status that has no body be made with one, sends it without, and
 * fails where the body is looked at.
 */
export function bodyOf(response: Response): Response["body"] {
  return WITHOUT_BODY.has(response.status) ? null : response.body;
}

/** The error for a response that cannot be sent, because its body was already read; null where it can. */
export function spentError(response: Response): TypeError | null {
  const body = bodyOf(response);
  if (body === null || (!response.bodyUsed && !body.locked)) return null;
  return new TypeError(
    "The handler's Response cannot be sent, because its body was already read; nothing of the session was stored. " +
      "Read a copy, response.clone(), or make a new Response of what was read.",
  );
}

/**
 * The response with the session's headers joined to it. `ended` is called when the body has been sent or given up; it is null
 * where no body is sent.
 */
export function withHeaders(
  response: Response,
  headers: readonly Header[],
  ended: (() => void) | null,
): Response {
  const copy = copyOf(response, ended);
  const cookies = headers.filter(isCookie);
  const others = headers.filter((header) => !isCookie(header));
  for (const [name, value] of joinedTo(copy.headers, others)) copy.headers.set(name, String(value));
  for (const [name, value] of cookies) copy.headers.append(name, value);
  return copy;
}

function copyOf(response: Response, ended: (() => void) | null): Response {
  // A 1xx response, such as a protocol switch, belongs to its socket and cannot be copied.
  if (response.status < 200) return response;
  const body = bodyOf(response);
  return new Response(body === null || ended === null ? body : watched(body, ended), response);
}

/** The same stream; it calls `ended` when it has ended or was given up. Piping it through another stream takes twice as long. */
function watched(body: ReadableStream<Uint8Array>, ended: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let isOver = false;
  const end = () => {
    if (!isOver) ended();
    isOver = true;
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        end();
      },
      async cancel(reason) {
        end();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function isCookie([name]: Header): boolean {
  return name === "Set-Cookie";
}
