import { createServer as createTlsServer } from "node:https";
import { createAdaptorServer } from "@hono/node-server";
import { type Session, StoreUnavailableError } from "coatcheck";
import { withSession } from "coatcheck/fetch";
import { type Adapter, type Page, running, type Site } from "./adapter.ts";

type Serve = (request: Request, sessions: Session[]) => Promise<Response>;

function responseOf(page: Page | "answered"): Response {
  if (page === "answered") throw new Error("Beyond Node a handler cannot answer by itself.");
  const { status = 200, headers = {}, body } = page;
  if (typeof body !== "object") return new Response(body ?? null, { status, headers });
  const bytes = ReadableStream.from(body).pipeThrough(new TextEncoderStream());
  return new Response(bytes as ReadableStream<Uint8Array<ArrayBuffer>>, { status, headers });
}

/** Throws a Response as an error, as Remix does. */
function thrown(error: unknown): unknown {
  const { message, status, headers } = error as Error & { status?: number; headers?: Record<string, string> };
  if (status === undefined || error instanceof StoreUnavailableError) return error;
  return new Response(message, { status, headers: headers ?? {} });
}

const fetch: Adapter = {
  name: "fetch",
  answersErrors: false,
  hints: false,
  holds: false,
  async start({ sessions, handler, tls, trustProxy = false }: Site) {
    const innermost: Serve = async (request, opened) => {
      try {
        const session = opened.at(-1) as Session;
        const { pathname: path } = new URL(request.url);
        return responseOf(await handler({ session, sessions: opened, path, hint() {} }));
      } catch (error) {
        throw thrown(error);
      }
    };
    const all = [...sessions].reverse().reduce<Serve>((inner, one) => {
      const serve = withSession(
        one,
        (request, session, opened: Session[]) => inner(request, [...opened, session]),
        { trustProxy },
      );
      return serve;
    }, innermost);

    /** The framework around the handler: answers with a thrown Response, as Remix does. */
    async function runtime(request: Request): Promise<Response> {
      try {
        return await all(request, []);
      } catch (error) {
        if (error instanceof Error) return new Response(null, { status: 500 });
        return error as Response;
      }
    }

    const options = tls ? { createServer: createTlsServer, serverOptions: tls } : {};
    return running(createAdaptorServer({ fetch: runtime, ...options }));
  },
};

export const adapters = [fetch];
