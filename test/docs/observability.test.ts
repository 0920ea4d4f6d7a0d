/** The recipes of docs/observability.md, with the real OpenTelemetry and prom-client. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Visitor } from "../instruments/visitor.ts";
import { installed } from "../runtimes/install.ts";
import { compiled } from "./compiled.ts";
import { filesOf, write } from "./page-files.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
beforeAll(() => installed(new URL(".", import.meta.url)), 300_000);

/** Sets OpenTelemetry up as an application does, with spans of node:http, and sends each span to the test when it has ended. */
const openTelemetry = `
import { createRequire } from "node:module";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { type ReadableSpan, TracerProvider } from "@opentelemetry/sdk-trace";

function send(span: ReadableSpan): void {
  const { name, attributes, events, parentSpanContext, status } = span;
  const exceptions = events.map((event) => String(event.attributes?.["exception.message"]).split(/[,.]/, 1)[0]);
  const [id, parent] = [span.spanContext().spanId, parentSpanContext?.spanId];
  process.send?.({ name, attributes, exceptions, status: status.code, id, parent });
}
const processor = { onStart() {}, onEnd: send, forceFlush: async () => {}, shutdown: async () => {} };
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const provider = new TracerProvider({ spanProcessors: [processor] });
trace.setGlobalTracerProvider(provider);
registerInstrumentations({ instrumentations: [new HttpInstrumentation()], tracerProvider: provider });
createRequire(import.meta.url)("node:http"); // The instrumentation changes what require() gives, which is what import gives too.
`;

/** A site whose store can be told to fail, and whose writes can be held until as many have come as are told. */
const server = `
import { createSessions, memoryStore, type Store } from "coatcheck";
import { session } from "coatcheck/express";
import express from "express";
import { register } from "prom-client";
import { countSessions } from "./metrics.ts";

const inner = memoryStore();
let fails = false;
const store: Store = {
  ...inner,
  async update(...given) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (fails) throw new Error("the disk is on fire");
    return inner.update(...given);
  },
};
const sessions = createSessions({ store });
countSessions(sessions);
const app = express();
app.get("/metrics", async (_req, res) => void res.send(await register.metrics()));
app.use(session(sessions));
app.get("/visit", (req, res) => void res.send(String(req.session.update("visits", (n = 0) => n + 1))));
app.get("/read", (req, res) => void res.send(String(req.session.get("visits", 0))));
app.get("/login", (req, res) => {
  req.session.login("ann");
  res.end();
});
app.get("/save", async (req, res) => {
  req.session.update("visits", (n = 0) => n + 1);
  await req.session.save();
  res.end();
});
app.get("/breaks", (_req, res) => {
  fails = true;
  res.end();
});
app.listen(0, "127.0.0.1");
`;

/** The files of the page, and those that the page leaves to the reader, in a folder until the test has ended. */
function written(): string {
  const left: [string, string][] = [
    ["open-telemetry.ts", openTelemetry],
    ["server.ts", server],
  ];
  const folder = write(new Map([...filesOf("observability.md"), ...left]));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

interface SentSpan {
  readonly name: string;
  readonly attributes: Record<string, unknown>;
  readonly exceptions: string[];
  readonly status: number;
  readonly id: string;
  readonly parent?: string;
}

/** Runs the site as a process of its own. */
async function started() {
  const folder = written();
  const before = [join(root, "test/runner/from-source.ts"), join(root, "test/runner/tell-port.ts")];
  const own = ["open-telemetry.ts", "tracing.ts"].map((file) => join(folder, file));
  const execArgv = [...before, ...own].flatMap((file) => ["--import", file]);
  const env = { ...process.env, NODE_NO_WARNINGS: "1" };
  const child = fork(join(folder, "server.ts"), { execArgv, env });
  const exit = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exit;
  });
  const spans: SentSpan[] = [];
  const [port] = (await once(child, "message")) as [number];
  child.on("message", (span) => spans.push(span as SentSpan));
  const isRequest = ({ attributes }: SentSpan) =>
    Object.keys(attributes).some((name) => name.startsWith("http."));

  /** Waits for the spans of so many requests; answers each as its tree in one line. Forgets them then. */
  async function trees(requests: number): Promise<string[]> {
    await expect.poll(() => spans.filter(isRequest).length).toBe(requests);
    const all = spans.splice(0);
    const below = (id: string): string[] =>
      all.filter(({ parent }) => parent === id).map((span) => [told(span), ...below(span.id)].join(" > "));
    return all.filter(isRequest).map(({ id }) => below(id).join("; "));
  }
  return { port, visitor: new Visitor(port), trees };
}

const told = ({ name, attributes, status, exceptions }: SentSpan) =>
  [
    name,
    attributes["coatcheck.outcome"] ?? attributes["coatcheck.result"],
    ...(status === 2 ? exceptions : []),
  ]
    .filter((part) => part !== undefined)
    .join(": ");

test("they compile", { timeout: 120_000 }, () => {
  const folder = written();
  expect(compiled(folder)).toEqual(["", 0]);
});

describe("OpenTelemetry", () => {
  test("the spans of a request hang under it: calls of the store, and below each commit those that it makes", async () => {
    const { visitor, trees } = await started();
    for (const path of ["/visit", "/read", "/visit", "/save", "/login"]) await visitor.visit(path);
    expect(await trees(5)).toEqual([
      "session commit: created > session create: saved",
      "session read: found",
      "session read: found; session commit: saved > session update: saved",
      "session read: found; session commit: saved > session update: saved",
      "session read: found; session commit: rotated > session rotate: saved",
    ]);
  });

  test("requests at once have their own spans; a write that they share hangs under the first", async () => {
    const { port, visitor, trees } = await started();
    await visitor.visit("/visit");
    await trees(1);
    const tabs = [1, 2, 3, 4].map(() => new Visitor(port));
    for (const tab of tabs) tab.cookie = visitor.cookie;
    await Promise.all(tabs.map((tab) => tab.visit("/visit")));
    const seen = await trees(4);
    const read = "session read: found; session commit: saved";
    expect(seen.filter((tree) => tree === read).length).toBeGreaterThan(0);
    expect(seen.every((tree) => tree.startsWith(read))).toBe(true);
    expect((await visitor.visit("/read")).body).toBe("5");
  });

  test("a store that fails is recorded as the error of the call and of the commit", async () => {
    const { visitor, trees } = await started();
    await visitor.visit("/visit");
    await visitor.visit("/breaks");
    await trees(2);
    expect((await visitor.visit("/visit")).status).toBe(503);
    const cannot = "The session store could not write";
    expect(await trees(1)).toEqual([
      `session read: found; session commit: ${cannot} > session update: ${cannot} > session read: found`,
    ]);
  });
});

test("Prometheus: calls by operation, events by name, and the sessions", async () => {
  const { visitor } = await started();
  for (const path of ["/visit", "/visit", "/login"]) await visitor.visit(path);
  const { body } = await visitor.visit("/metrics");
  const valueAt = (line: string) =>
    Number(
      body
        .split("\n")
        .find((one) => one.startsWith(line))
        ?.split(" ")
        .at(-1),
    );
  const calls = (operation: string) =>
    valueAt(`coatcheck_store_call_seconds_count{store="memory",operation="${operation}",outcome="answered"}`);
  expect(["create", "read", "update", "rotate"].map(calls)).toEqual([1, 2, 1, 1]);
  expect(valueAt('coatcheck_events_total{event="created"}')).toBe(1);
  expect(valueAt('coatcheck_events_total{event="unavailable"}')).toBe(0);
  expect(valueAt('coatcheck_sessions{state="live"}')).toBe(1);
  expect(valueAt('coatcheck_sessions{state="authenticated"}')).toBe(1);
  await visitor.visit("/breaks");
  await visitor.visit("/visit");
  const after = (await visitor.visit("/metrics")).body;
  expect(after).toContain('coatcheck_events_total{event="unavailable"} 1');
  expect(after).toContain('operation="update",outcome="failed"} 1');
});
