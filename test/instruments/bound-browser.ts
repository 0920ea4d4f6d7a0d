/**
 * A browser with Device Bound Session Credentials, as Chromium was seen to behave: it registers a key where a response asks for one,
 * and renews the bound cookie before a request that lacks it. Tests also make each of its requests by hand, in any order. Requests
 * come as through a proxy that tells of https.
 */
import { type IncomingHttpHeaders, type IncomingMessage, request as send } from "node:http";
import { text } from "node:stream/consumers";
import { Device } from "./device.ts";
import type { MovedClock } from "./moved-clock.ts";

export interface BoundAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly setCookie: readonly string[];
  readonly body: string;
}

interface Request {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** False for plain http. */
  readonly secure?: boolean;
}

interface Binding {
  readonly id: string;
  readonly device: Device;
  readonly refreshPath: string;
  readonly cookie: string;
  challenge: string | null;
}

export interface Offer {
  readonly path: string;
  readonly challenge: string;
}

interface JarCookie {
  readonly value: string;
  /** Epoch milliseconds. */
  readonly until: number;
}

export class BoundBrowser {
  readonly jar = new Map<string, JarCookie>();
  readonly bindings: Binding[] = [];
  /** The last offer that came. */
  offer: Offer | null = null;
  /** The number of refreshes so far. */
  refreshes = 0;
  readonly port: number;
  readonly #clock: MovedClock;

  constructor(port: number, clock: MovedClock) {
    this.port = port;
    this.#clock = clock;
  }

  /** A machine to which all cookies were copied, and no key. */
  thief(): BoundBrowser {
    const thief = new BoundBrowser(this.port, this.#clock);
    for (const [name, cookie] of this.jar) thief.jar.set(name, cookie);
    return thief;
  }

  /** The same browser, whose requests reach another server. */
  at(port: number): BoundBrowser {
    const same = new BoundBrowser(port, this.#clock);
    Object.assign(same, { jar: this.jar, bindings: this.bindings, offer: this.offer });
    return same;
  }

  get cookie(): string {
    const now = this.#clock.now;
    return [...this.jar]
      .filter(([, { until }]) => until > now)
      .map(([name, { value }]) => `${name}=${value}`)
      .join("; ");
  }

  /** The bound cookie, where it is there and has not run out. */
  get boundCookie(): string | undefined {
    const [, cookie] = [...this.jar].find(([name]) => name.endsWith("-device")) ?? [];
    return cookie !== undefined && cookie.until > this.#clock.now ? cookie.value : undefined;
  }

  /** A request as the browser makes it: the bound cookie is renewed first where it is needed. */
  async visit(path: string, request: Request = {}): Promise<BoundAnswer> {
    let skipped = {};
    for (const binding of [...this.bindings]) {
      if (this.cookie.includes(`${binding.cookie}=`)) continue;
      const { status } = await this.refresh(binding);
      if (status >= 500)
        skipped = { "Secure-Session-Skipped": `server_error;session_identifier="${binding.id}"` };
    }
    return this.ask(path, { ...request, headers: { ...skipped, ...request.headers } });
  }

  /** The page of a link, or of an address that was typed. */
  open(path: string): Promise<BoundAnswer> {
    return this.visit(path, { headers: { "Sec-Fetch-Dest": "document" } });
  }

  /** One request as it is. */
  async ask(
    path: string,
    { method = "GET", headers = {}, secure = true }: Request = {},
  ): Promise<BoundAnswer> {
    const cookie = this.cookie;
    const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
      const all = {
        ...(cookie === "" ? {} : { Cookie: cookie }),
        ...(secure ? { "X-Forwarded-Proto": "https" } : {}),
        ...(method === "POST" ? { "Content-Length": "0" } : {}),
        ...headers,
      };
      const to = { host: "127.0.0.1", port: this.port, path, method, headers: all, agent: false };
      const request = send(to, resolve);
      request.on("error", reject);
      request.end();
    });
    const answer = {
      status: incoming.statusCode ?? 0,
      headers: incoming.headers,
      setCookie: incoming.headers["set-cookie"] ?? [],
      body: await text(incoming),
    };
    this.#take(answer);
    return answer;
  }

  /** Registers a key for the last offer. `keep: false` loses the answer. */
  async register({
    device = new Device(),
    offer = this.offer,
    keep = true,
    headers = {} as Record<string, string>,
  } = {}): Promise<BoundAnswer> {
    if (offer === null) throw new Error("No binding was offered.");
    const proof = device.proof(offer.challenge, { withKey: true });
    const asking = keep ? this : this.thief();
    const answer = await asking.ask(offer.path, {
      method: "POST",
      headers: { "Secure-Session-Response": proof, ...headers },
    });
    if (keep && answer.status === 200) this.#bind(device, answer);
    return answer;
  }

  /** Renews the bound cookie, in two trips where the browser has no challenge. */
  async refresh(
    binding = this.bindings[0],
    { headers = {} as Record<string, string> } = {},
  ): Promise<BoundAnswer> {
    if (binding === undefined) throw new Error("There is no binding.");
    this.refreshes += 1;
    let answer = await this.askToRefresh(binding, headers);
    const challenge = challengeIn(answer);
    if (answer.status === 403 && challenge !== null) {
      binding.challenge = challenge;
      answer = await this.askToRefresh(binding, headers);
    }
    const isEnd = answer.status === 200 && answer.body !== "" && JSON.parse(answer.body).continue === false;
    if (isEnd || (answer.status >= 400 && answer.status < 500 && answer.status !== 403))
      this.bindings.splice(this.bindings.indexOf(binding), 1);
    return answer;
  }

  /** One trip of a refresh. */
  askToRefresh(binding: Binding, headers: Record<string, string> = {}): Promise<BoundAnswer> {
    const proof: Record<string, string> =
      binding.challenge === null
        ? {}
        : { "Secure-Session-Response": binding.device.proof(binding.challenge) };
    return this.ask(binding.refreshPath, {
      method: "POST",
      headers: { "Sec-Secure-Session-Id": binding.id, ...proof, ...headers },
    });
  }

  #bind(device: Device, answer: BoundAnswer): void {
    const instructions = JSON.parse(answer.body);
    if (instructions.continue === false) return;
    const { session_identifier: id, refresh_url: refreshPath, credentials } = instructions;
    const challenge = challengeIn(answer);
    const same = this.bindings.findIndex((binding) => binding.id === id);
    if (same !== -1) this.bindings.splice(same, 1);
    this.bindings.push({ id, device, refreshPath, cookie: credentials[0].name, challenge });
  }

  #take(answer: BoundAnswer): void {
    for (const line of answer.setCookie) {
      const [name = "", value = ""] = (line.split(";")[0] as string).split("=");
      const age = /; Max-Age=(\d+)/.exec(line)?.[1];
      const until = age === undefined ? Number.POSITIVE_INFINITY : this.#clock.now + Number(age) * 1000;
      if (age === "0") this.jar.delete(name);
      else this.jar.set(name, { value, until });
    }
    const offered = answer.headers["secure-session-registration"] as string | undefined;
    if (offered !== undefined) {
      const [, path, challenge] = /^\(ES256 RS256\);path="([^"]*)";challenge="([^"]*)"$/.exec(offered) ?? [];
      if (path === undefined || challenge === undefined) throw new Error(`This is no offer: ${offered}`);
      this.offer = { path, challenge };
    }
    const [, , id] =
      /^"([^"]*)";id="([^"]*)"$/.exec(String(answer.headers["secure-session-challenge"])) ?? [];
    const binding = this.bindings.find((binding) => binding.id === id);
    if (binding !== undefined) binding.challenge = challengeIn(answer);
  }
}

function challengeIn({ headers }: BoundAnswer): string | null {
  return /^"([^"]*)"/.exec(String(headers["secure-session-challenge"]))?.[1] ?? null;
}
