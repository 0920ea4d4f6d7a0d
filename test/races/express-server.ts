/** Express 5 behind a real socket. A request names the handler of the test that it is for. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { session } from "coatcheck/express";
import express, { type ErrorRequestHandler } from "express";
import type { Answer, Handler, MakeServer } from "./race.ts";

interface Awaited {
  readonly handler: Handler;
  readonly handled: () => void;
}

const answerError: ErrorRequestHandler = (error, _request, response, _next) => {
  response.status(error.status ?? 500).json({ error: error.name });
};

export const expressServer: MakeServer = async (options) => {
  const awaited: Awaited[] = [];
  const app = express();
  app.use(session(options));
  app.get("/:number", async (request, response) => {
    const { handler, handled } = awaited[Number(request.params.number)] as Awaited;
    const status = (await handler(request.session)) ?? 200;
    response.status(status).json({ error: null });
    handled();
  });
  app.use(answerError);
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  async function answer(number: number, cookie: string | null): Promise<Answer> {
    const headers = cookie === null ? {} : { cookie };
    const response = await fetch(`http://127.0.0.1:${port}/${number}`, { headers });
    const { error } = (await response.json()) as { error: string | null };
    return { status: response.status, setCookie: response.headers.getSetCookie()[0] ?? null, error };
  }

  return {
    send(cookie, handler) {
      const handled = Promise.withResolvers<void>();
      const number = awaited.push({ handler, handled: handled.resolve }) - 1;
      return { handled: handled.promise, answer: answer(number, cookie) };
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};
