/** A visitor with a cookie jar of one session, over real connections, each with one request. */
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as plain,
  type RequestOptions,
} from "node:http";
import { request as secure } from "node:https";
import { text } from "node:stream/consumers";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly setCookie: readonly string[];
  readonly body: string;
  /** The Link headers of the 103s that came before. */
  readonly hints: readonly unknown[];
}

export interface VisitOptions extends RequestOptions {
  readonly body?: string | undefined;
}

export class Visitor {
  readonly #port: number;
  readonly #isSecure: boolean;
  /** The Cookie header of the next request. */
  cookie: string | undefined;

  constructor(port: number, { secure = false } = {}) {
    this.#port = port;
    this.#isSecure = secure;
  }

  async visit(path = "/", options: VisitOptions = {}): Promise<Answer> {
    const response = await this.begin(path, options);
    return { ...response.head, body: await text(response.incoming) };
  }

  /** Resolves when the head has come. */
  async begin(path = "/", { body, ...options }: VisitOptions = {}) {
    const hints: unknown[] = [];
    const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
      const send = this.#isSecure ? secure : plain;
      const cookie = this.cookie === undefined ? {} : { Cookie: this.cookie };
      const headers = { ...cookie, ...options.headers };
      const to = { host: "127.0.0.1", port: this.#port, path, agent: false, rejectUnauthorized: false };
      const request = send({ ...to, ...options, headers }, resolve);
      request.on("information", (hint) => hints.push(hint.headers.link));
      request.on("error", reject);
      request.end(body);
    });
    const { statusCode: status = 0, headers } = incoming;
    const setCookie = headers["set-cookie"] ?? [];
    this.#take(setCookie);
    return { incoming, head: { status, headers, setCookie, hints } };
  }

  #take(setCookie: readonly string[]): void {
    const jar = new Map(this.cookie?.split("; ").map(nameAndValue));
    for (const line of setCookie) {
      const [name, value] = nameAndValue(line.split(";")[0] as string);
      if (/; Max-Age=0\b/.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    this.cookie = jar.size === 0 ? undefined : [...jar].map((pair) => pair.join("=")).join("; ");
  }
}

function nameAndValue(pair: string): [name: string, value: string] {
  const end = pair.indexOf("=");
  return [pair.slice(0, end), pair.slice(end + 1)];
}

/** The words of a header that is a list. */
export function words(value: string | undefined): string[] {
  return (value ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}
