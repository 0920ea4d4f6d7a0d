/** A Django site and an Express server on one table of sessions, and a person who visits both with one browser. */
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Session, Store } from "coatcheck";
import { session } from "coatcheck/express";
import express from "express";
import { expect, vi } from "vitest";

/** A step of a request's handler, by the name of a method or a word that the site knows, and its arguments. */
export type Step = readonly [name: string, ...given: unknown[]];

/** The session as a handler saw it when its steps were done. */
export interface Seen {
  readonly user: string | null;
  readonly data: Record<string, unknown>;
  readonly messages: string[];
  readonly age: number;
  readonly untilClose: boolean;
  readonly testCookie: boolean;
}

export interface Site {
  readonly name: string;
  readonly url: string;
  /** The site's names of the steps that both have. */
  readonly steps: Readonly<Record<"flush" | "cycleKey" | "setExpiry" | "setTestCookie", string>>;
  login(person: Person, user: "ann" | "bob"): Promise<void>;
  logout(person: Person): Promise<void>;
}

/** A browser: cookies do not know ports, so one jar serves both sites. */
export class Person {
  cookie: string | null = null;

  async send(url: string, options: RequestInit = {}) {
    const cookie = this.cookie === null ? {} : { Cookie: `sessionid=${this.cookie}` };
    const response = await fetch(url, {
      redirect: "manual",
      ...options,
      headers: { ...options.headers, ...cookie },
    });
    const cookies = response.headers.getSetCookie().filter((line) => line.startsWith("sessionid="));
    for (const line of cookies) {
      const [, value = ""] = /^sessionid="?([^";]*)/.exec(line) ?? [];
      this.cookie = /max-age=0(;|$)/i.test(line) ? null : value;
    }
    return { status: response.status, cookies, body: await response.text() };
  }

  /** A request whose handler carries out these steps. */
  async do(site: Site, ...steps: Step[]): Promise<Seen> {
    const { status, body } = await this.ask(site, ...steps);
    expect(status, body).toBe(200);
    return JSON.parse(body) as Seen;
  }

  ask(site: Site, ...steps: Step[]) {
    return this.send(`${site.url}/do/`, {
      method: "POST",
      body: JSON.stringify(steps),
      headers: { "Content-Type": "application/json" },
    });
  }

  /** The same browser, with a request of its own under way. */
  otherTab(): Person {
    const tab = new Person();
    tab.cookie = this.cookie;
    return tab;
  }
}

const folder = mkdtempSync(join(tmpdir(), "coatcheck-gates-"));
let gates = 0;

/** A place in a handler, on either site: the request waits there until the gate is opened. */
export class Gate {
  readonly #file = join(folder, String(++gates));
  readonly step: Step = ["gate", this.#file];

  /** Resolves when the request is there. */
  arrived(): Promise<unknown> {
    return vi.waitFor(() => expect(existsSync(`${this.#file}.arrived`)).toBe(true), {
      timeout: 60_000,
      interval: 5,
    });
  }

  open(): void {
    writeFileSync(`${this.#file}.open`, "");
  }
}

export const USERS = { ann: "1", bob: "2" } as const;

export function djangoSite(url: string): Site {
  const page = `${url}/login/`;
  return {
    name: "Django",
    url,
    steps: {
      flush: "flush",
      cycleKey: "cycle_key",
      setExpiry: "set_expiry",
      setTestCookie: "set_test_cookie",
    },
    async login(person, user) {
      const { body: csrfmiddlewaretoken } = await person.send(page);
      const form = { csrfmiddlewaretoken, username: user, password: `the password of ${user}` };
      const { status, body } = await person.send(page, { method: "POST", body: new URLSearchParams(form) });
      expect(status, body).toBe(302);
    },
    async logout(person) {
      expect((await person.send(`${url}/logout/`)).status).toBe(302);
    },
  };
}

export async function expressSite(store: Store): Promise<Site & { close(): Promise<void> }> {
  const app = express();
  app.use(express.json(), session({ store, cookie: { name: "sessionid" } }));
  app.post("/do/", async (req, res) => {
    for (const step of req.body as Step[]) await carryOut(req.session, step);
    const messages = readMessages(req.session);
    const entries = [...req.session.entries()].filter(([key]) => !key.startsWith("_"));
    res.json({
      user: req.session.userId,
      data: Object.fromEntries(entries),
      messages,
      age: req.session.getExpiryAge(),
      untilClose: req.session.getExpireAtBrowserClose(),
      testCookie: req.session.testCookieWorked(),
    });
  });
  app.get("/queue/", (req, res) => {
    const queued = JSON.parse(req.session.get("_messages", "[]")) as unknown[];
    req.session.set("_messages", JSON.stringify([...queued, ["__json_message", 0, 20, req.query.text, ""]]));
    res.send("");
  });
  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const site: Site = {
    name: "Express",
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    steps: { flush: "flush", cycleKey: "cycleKey", setExpiry: "setExpiry", setTestCookie: "setTestCookie" },
    async login(person, user) {
      await person.do(site, ["login", USERS[user]]);
    },
    async logout(person) {
      await person.do(site, ["logout"]);
    },
  };
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { ...site, close };
}

async function carryOut(session: Session, [name, ...given]: Step): Promise<void> {
  if (name === "gate") {
    session.get("anything");
    writeFileSync(`${given[0]}.arrived`, "");
    await vi.waitFor(() => expect(existsSync(`${given[0]}.open`)).toBe(true), {
      timeout: 60_000,
      interval: 5,
    });
  } else if (name === "count") session.update(given[0] as string, (n = 0) => n + 1);
  else if (name === "setExpiryDate") session.setExpiry(new Date(given[0] as string));
  else (session as unknown as Record<string, (...given: unknown[]) => unknown>)[name]?.(...given);
}

/** Django's queued messages, taken from the session. */
function readMessages(session: Session): string[] {
  const queued = JSON.parse(session.pop("_messages", "[]")) as [string, number, number, string][];
  return queued.map(([, , , text]) => text);
}
