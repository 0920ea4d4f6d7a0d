import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Reader } from "../locallibrary/reader.ts";

const SERVER = fileURLToPath(new URL("../../examples/login/server.ts", import.meta.url));
const FROM_SOURCE = new URL("../runner/from-source.ts", import.meta.url).href;

const folder = mkdtempSync(join(tmpdir(), "login-example-"));
let child: ReturnType<typeof spawn>;
let url: string;

beforeAll(async () => {
  child = spawn(process.execPath, ["--import", FROM_SOURCE, SERVER], {
    cwd: folder,
    env: { ...process.env, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [banner] = await once(child.stdout as NodeJS.ReadableStream, "data");
  url = /http:\/\/localhost:\d+/.exec(String(banner))?.[0] as string;
});
afterAll(async () => {
  const ended = once(child, "close");
  child.kill("SIGKILL");
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

test("who logs in is known until logging out", async () => {
  const browser = new Reader(url);
  expect(await browser.text("/connection/")).toContain('name="username"');
  expect(browser.cookies.size).toBe(0);

  const login = await browser.post("/login/", { username: "polo" });
  expect(login.status).toBe(303);
  expect(login.headers.get("location")).toBe("/connection/");
  expect(await browser.text("/connection/")).toContain("You are: <strong>polo</strong>");

  expect(await (await browser.post("/logout/")).text()).toContain("You are logged out.");
  expect(browser.cookies.size).toBe(0);
  expect(await browser.text("/connection/")).toContain('name="username"');
});

test("logging in as somebody else gives a new cookie", async () => {
  const browser = new Reader(url);
  await browser.post("/login/", { username: "one" });
  const before = [...browser.cookies.values()];
  await browser.post("/login/", { username: "other" });
  expect([...browser.cookies.values()]).not.toEqual(before);
});

test("a name is shown as text, and none is asked for again", async () => {
  const browser = new Reader(url);
  await browser.post("/login/", { username: "<b>polo</b>" });
  expect(await browser.text("/connection/")).toContain("&lt;b&gt;polo");
  expect((await new Reader(url).post("/login/", { username: " " })).status).toBe(422);
  expect((await new Reader(url).get("/")).status).toBe(404);
});

test("it is well under a hundred lines", () => {
  expect(readFileSync(SERVER, "utf8").split("\n").length).toBeLessThan(80);
});
