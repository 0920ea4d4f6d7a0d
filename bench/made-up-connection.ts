// Requests that come over no socket: the real server and framework, made-up connections.
import { IncomingMessage, type Server, ServerResponse } from "node:http";
import { Duplex } from "node:stream";
import type { Ask } from "./cases.ts";

/** The other end of a connection: it reads nothing, and takes everything at once. */
class MadeUpSocket extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
  setTimeout(): this {
    return this;
  }
}

/** Has the server answer; rejects where the answer was an error. */
export function answer(server: Server, { path, cookie }: Ask): Promise<void> {
  const socket = new MadeUpSocket();
  const request = new IncomingMessage(socket as never);
  request.method = "GET";
  request.url = path;
  request.httpVersion = "1.1";
  request.headers = { host: "localhost", cookie };
  request.push(null);
  const response = new ServerResponse(request);
  response.assignSocket(socket as never);
  return new Promise((resolve, reject) => {
    response.on("finish", () => {
      response.detachSocket(socket as never);
      if (response.statusCode === 200) resolve();
      else reject(new Error(`The application answered ${response.statusCode}.`));
    });
    server.emit("request", request, response);
  });
}
