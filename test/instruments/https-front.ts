/**
 * A reverse proxy that speaks https with browsers, in front of a site that a test may stop and start again. It notes every request,
 * and serves the pages of another host itself.
 */
import { once } from "node:events";
import {
  request as ask,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { selfMadeCertificate } from "./self-made-certificate.ts";

interface Passed {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  status: number;
}

export class HttpsFront {
  /** The address of the site behind. */
  target: string | null = null;
  readonly passed: Passed[] = [];
  /** The pages of other hosts, by host and path. */
  readonly pages = new Map<string, string>();
  /** The bodies that requests of these paths are sent on with, as forms. */
  readonly forms = new Map<string, { readonly path: string; readonly body: string }>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(selfMadeCertificate(), (request, response) => this.#serve(request, response));
  }

  static async start(): Promise<HttpsFront> {
    const front = new HttpsFront();
    front.#server.listen(0, "127.0.0.1");
    await once(front.#server, "listening");
    return front;
  }

  url(host: string): string {
    return `https://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** The statuses of the requests to a path, since there were `mark` requests. */
  statuses(path: RegExp, mark = 0): number[] {
    return this.passed
      .slice(mark)
      .filter((one) => path.test(one.path))
      .map(({ status }) => status);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { method = "", url: path = "", headers } = request;
    const page = this.pages.get(`${headers.host?.split(":")[0]}${path}`);
    if (page !== undefined) {
      response.writeHead(200, { "Content-Type": "text/html" }).end(page);
      return;
    }
    const noted: Passed = { method, path, headers, status: 0 };
    this.passed.push(noted);
    const form = this.forms.get(path);
    const to = this.target === null ? null : new URL(form?.path ?? path, this.target);
    const failed = () => {
      noted.status = 502;
      if (!response.headersSent) response.writeHead(502);
      response.end();
    };
    if (to === null) {
      failed();
      return;
    }
    const own =
      form === undefined
        ? headers
        : {
            host: headers.host,
            cookie: headers.cookie ?? "",
            "content-type": "application/x-www-form-urlencoded",
          };
    const onward = ask(
      to,
      {
        method: form === undefined ? method : "POST",
        headers: { ...own, "x-forwarded-proto": "https" },
        agent: false, // A connection that is left open may be closed by the site at the moment of the next request.
      },
      (answer) => {
        noted.status = answer.statusCode ?? 0;
        response.writeHead(noted.status, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on("error", failed);
    if (form === undefined) request.pipe(onward);
    else onward.end(form.body);
  }
}
