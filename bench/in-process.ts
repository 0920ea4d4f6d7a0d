// What a session costs without a server around it, by mitata: run with --expose-gc, prints JSON.
import { createSessions, memoryStore } from "coatcheck";
import { measure } from "mitata";
import { readCookie } from "../src/cookie/cookie.ts";
import { newKey, storeIdOf } from "../src/cookie/key.ts";
import { visitor } from "./visitor.ts";

export interface Cost {
  readonly what: string;
  readonly nanoseconds: number;
  readonly p99: number;
}

const request = { secure: false };
const response = { status: 200 };
const store = memoryStore();
const sessions = createSessions({ store });
const lazy = createSessions({ store, lazy: true });

const made = await sessions.open(null, request);
made.assign(visitor(200));
const headers = await sessions.commit(made, response);
const [cookie = ""] = (headers.find(([name]) => name === "Set-Cookie")?.[1] ?? "").split(";");
const many = `theme=dark; _ga=GA1.1.1234567890.1234567890; ${cookie}; csrftoken=${newKey()}`;
const key = newKey();

const costs: Record<string, () => unknown> = {
  "open + commit, no cookie": async () => sessions.commit(await sessions.open(null, request), response),
  "open + commit, not used": async () => sessions.commit(await sessions.open(cookie, request), response),
  "open + commit, not used, lazy": async () => lazy.commit(await lazy.open(cookie, request), response),
  "open + read + commit": async () => {
    const session = await sessions.open(cookie, request);
    session.get("name");
    return sessions.commit(session, response);
  },
  "open + write + commit": async () => {
    const session = await sessions.open(cookie, request);
    session.update("visits", (visits = 0) => visits + 1);
    return sessions.commit(session, response);
  },
  "hashing a key": () => storeIdOf(key),
  "finding the cookie among four": () => readCookie(many, "sessionid"),
};

const measured: Cost[] = [];
for (const [what, work] of Object.entries(costs)) {
  const { avg, p99 } = await measure(work);
  measured.push({ what, nanoseconds: avg, p99 });
}
await sessions.close();
console.log(JSON.stringify(measured));
