import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createSessions } from "coatcheck";
import { sqliteStore } from "coatcheck/sqlite";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
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

test("whoever logs in has a session in the index of users, which can be revoked from elsewhere", async () => {
  const browser = new Reader(url);
  await browser.post("/login/", { username: "marco" });
  const sessions = createSessions({ store: sqliteStore(join(folder, "sessions.sqlite3")) });
  onTestFinished(() => sessions.close());
  expect(await sessions.listUserSessions("marco")).toHaveLength(1);
  await sessions.revokeUser("marco");
  expect(await browser.text("/connection/")).toContain('name="username"');
});

test("a body larger than the form can be is refused", async () => {
  const response = await new Reader(url).post("/login/", { username: "x".repeat(100_000) });
  expect(response.status).toBe(413);
  expect((await new Reader(url).post("/login/", { username: "x".repeat(200) })).status).toBe(422);
});

test("a visitor who hangs up, or asks for no address at all, does not end the server", async () => {
  const { port } = new URL(url);
  for (const request of [
    "POST /login/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nusername=",
    "GET // HTTP/1.1\r\nHost: x\r\n\r\n",
  ]) {
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.end(request);
    await once(socket.resume(), "close");
  }
  expect((await new Reader(url).get("/connection/")).status).toBe(200);
});

test("it is well under a hundred lines", () => {
  expect(readFileSync(SERVER, "utf8").split("\n").length).toBeLessThan(80);
});
