import { createServer, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { pipeline, Readable } from "node:stream";
import type { Session } from "coatcheck";
import { type SessionHandler, type SessionRequest, session } from "coatcheck/node";
import { type Adapter, type Handler, running, type Site } from "./adapter.ts";

async function serve(
  handler: Handler,
  sessions: readonly Session[],
  request: SessionRequest,
  response: ServerResponse,
) {
  const visit = {
    session: request.session,
    sessions,
    path: request.url as string,
    hint: (link: string) => response.writeEarlyHints({ link }),
    takeOver: () => ({ request, response }),
  };
  const page = await handler(visit);
  if (page === "answered") return;
  const { status = 200, headers = {}, body } = page;
  response.writeHead(status, headers);
  if (typeof body === "object") pipeline(Readable.from(body), response, () => {});
  else response.end(body);
}

/** An application's own page for its own errors; those that name a status it leaves to coatcheck/node. */
function withErrorPage(serve: SessionHandler): SessionHandler {
  return async (request, response) => {
    try {
      await serve(request, response);
    } catch (error) {
      if (typeof (error as { status?: unknown }).status === "number") throw error;
      response.writeHead(500).end("error page");
    }
  };
}

const nodeHttp: Adapter = {
  name: "node:http",
  answersErrors: true,
  hints: true,
  holds: true,
  async start({ sessions, handler, tls, trustProxy }: Site) {
    const opened = new WeakMap<object, Session[]>();
    const innermost = withErrorPage((request, response) =>
      serve(handler, opened.get(request) as Session[], request, response),
    );
    const all = [...sessions].reverse().reduce<SessionHandler>(
      (inner, one) =>
        session(one, (request, response) => {
          opened.set(request, [...(opened.get(request) ?? []), request.session]);
          return inner(request, response);
        }) as SessionHandler,
      innermost,
    );
    const listener: SessionHandler = (request, response) => {
      const proto = request.headers["x-forwarded-proto"];
      if (trustProxy) Object.assign(request, { secure: proto === "https" });
      all(request, response);
    };
    return running(tls ? createTlsServer(tls, listener as never) : createServer(listener as never));
  },
};

export const adapters = [nodeHttp];
