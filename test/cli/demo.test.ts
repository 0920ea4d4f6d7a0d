/** The small site that `coatcheck demo` serves. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Visitor } from "../instruments/visitor.ts";
import { run, start } from "./run.ts";

/** Starts the command; resolves when the site answers. */
async function site() {
  const { child, ended } = start(["demo", "--port", "0"]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = await once(child.stdout as NodeJS.ReadableStream, "data");
  const port = Number(/http:\/\/localhost:(\d+)/.exec(String(line))?.[1]);
  return { child, ended, newVisitor: () => new Visitor(port) };
}

const form = (fields: Record<string, string>) => {
  const body = new URLSearchParams(fields).toString();
  const headers = { "Content-Type": "application/x-www-form-urlencoded", "Content-Length": body.length };
  return { method: "POST", headers, body };
};

test("it counts exactly, signs in, lists and ends devices, keeps a logout against a slow request, and ends by Ctrl-C", async () => {
  const { child, ended, newVisitor } = await site();
  const [here, there] = [newVisitor(), newVisitor()];
  const state = async (visitor: Visitor) => JSON.parse((await visitor.visit("/state")).body);

  expect((await here.visit()).body).toContain("<output>1</output> time(s)");
  await Promise.all(Array.from({ length: 20 }, () => here.visit("/count", { method: "POST" })));
  expect(await state(here)).toEqual({ count: 20, user: null });

  for (const visitor of [here, there]) await visitor.visit("/login", form({ name: "<Ann>" }));
  expect(await state(here)).toEqual({ count: 20, user: "<Ann>" });
  const { body } = await here.visit();
  expect(body).toContain("&lt;Ann&gt;");
  const handle = /name="handle" value="([^"]+)"/.exec(body)?.[1] as string;
  await here.visit("/end", form({ handle }));
  expect((await state(there)).user).toBeNull();

  const slow = here.visit("/slow", { method: "POST" });
  const other = newVisitor();
  other.cookie = here.cookie;
  await other.visit("/logout", { method: "POST" });
  await slow;
  expect((await state(here)).user).toBeNull();

  child.kill("SIGINT");
  expect((await ended).code).toBe(0);
});

test("a port that is taken, or is none, is said", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  const taken = await run(["demo", "--port", String(port)]);
  expect([taken.code, taken.err]).toEqual([2, expect.stringContaining(`another program listens on ${port}`)]);
  expect((await run(["demo", "--port", "70000"])).code).toBe(2);
});
