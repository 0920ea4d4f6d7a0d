// What a session adds to a request of Express in this process, without sockets: prints JSON. Real Express, made-up connections.
import { IncomingMessage, ServerResponse } from "node:http";
import { Duplex } from "node:stream";
import { createSessions, memoryStore } from "coatcheck";
import { session } from "coatcheck/express";
import { sqliteStore } from "coatcheck/sqlite";
import express, { type Express, type RequestHandler } from "express";
import { NAME, visitor } from "./visitor.ts";

/** Microseconds of CPU that a case adds to a request of the bare framework. */
export interface Added {
  /** Microseconds of the bare framework itself. */
  readonly bare: number;
  /** The bare framework again: its distance from 0 is noise. */
  readonly again: number;
  readonly cases: Readonly<Record<string, number>>;
}

/** Requests that are under way at one time, as many as the bench has connections. */
const AT_ONCE = 32;
const WAVES = 12;
const ROUNDS = 80;
const WARM_UP_ROUNDS = 40;

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

/** One application, and the cookies of its visitors. */
interface Case {
  readonly app: Express;
  readonly path: string;
  readonly cookies: readonly string[];
}

function appOf(middleware?: RequestHandler): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  if (middleware !== undefined) app.use(middleware);
  app.get("/none", (_request, response) => {
    response.send(NAME);
  });
  app.get("/read", ({ session }, response) => {
    response.send(session.get("name"));
  });
  app.get("/write", ({ session }, response) => {
    response.send(`${session.update("visits", (visits = 0) => visits + 1)}`);
  });
  return app;
}

function answer({ app, path, cookies }: Case, connection: number): Promise<void> {
  const socket = new MadeUpSocket();
  const request = new IncomingMessage(socket as never);
  request.method = "GET";
  request.url = path;
  request.httpVersion = "1.1";
  request.headers = { host: "localhost", cookie: cookies[connection % cookies.length] };
  request.push(null);
  const response = new ServerResponse(request);
  response.assignSocket(socket as never);
  return new Promise((resolve, reject) => {
    response.on("finish", () => {
      response.detachSocket(socket as never);
      if (response.statusCode === 200) resolve();
      else reject(new Error(`The application answered ${response.statusCode}.`));
    });
    app(request, response);
  });
}

/** Microseconds of CPU for each request of a burst. */
async function burst(one: Case): Promise<number> {
  const before = process.cpuUsage();
  for (let wave = 0; wave < WAVES; wave++) {
    const connections = Array.from({ length: AT_ONCE }, (_, connection) =>
      answer(one, connection + wave * AT_ONCE),
    );
    await Promise.all(connections);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (WAVES * AT_ONCE);
}

async function casesOf(name: string, store: Parameters<typeof createSessions>[0]["store"]) {
  const sessions = createSessions({ store });
  const cookies: string[] = [];
  for (let made = 0; made < 64; made++) {
    const one = await sessions.open(null, { secure: false });
    one.assign(visitor(200));
    const headers = await sessions.commit(one, { status: 200 });
    cookies.push((headers.find(([header]) => header === "Set-Cookie")?.[1] ?? "").split(";")[0] as string);
  }
  const app = appOf(session(sessions));
  return ["read", "write"].map((verb): [string, Case] => [
    `${name}, ${verb}`,
    { app, path: `/${verb}`, cookies },
  ]);
}

const bare: Case = { app: appOf(), path: "/none", cookies: [`sessionid=${"0".repeat(32)}`] };
const cases = [
  ...(await casesOf("memory", memoryStore())),
  ...(await casesOf("SQLite in memory", sqliteStore(":memory:"))),
];
const all: [string, Case][] = [["bare", bare], ...cases, ["again", bare]];
const costs = new Map(all.map(([name]) => [name, [] as number[]]));
for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
  // There and back again, each time from another case on, so that none always follows the same other one.
  const from = Math.abs(round) % all.length;
  const order = [...all.slice(from), ...all.slice(0, from)];
  for (const [name, one] of round % 2 === 0 ? order : order.toReversed()) {
    const cost = await burst(one);
    if (round >= 0) costs.get(name)?.push(cost);
  }
}
/** The lower quartile: whatever else runs on the machine makes bursts dearer, and none cheaper. */
const costOf = (name: string) =>
  (costs.get(name) as number[]).toSorted((a, b) => a - b)[ROUNDS / 4] as number;
const added = (name: string) => costOf(name) - costOf("bare");
const result: Added = {
  bare: costOf("bare"),
  again: added("again"),
  cases: Object.fromEntries(cases.map(([name]) => [name, added(name)])),
};
console.log(JSON.stringify(result));
process.exit();
