/** The examples, started as processes of their own and visited. */
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** An empty folder, until the test has ended. */
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "coatcheck-example-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs a program from source in a folder; resolves to the port on which it listens. */
async function start(
  program: string,
  folder = newFolder(),
): Promise<{ port: number; folder: string; stop(): Promise<void> }> {
  const child = fork(program, {
    cwd: folder,
    env: { ...process.env, PORT: "0" },
    execArgv: ["runner/from-source.ts", "runner/tell-port.ts"].flatMap((file) => [
      "--import",
      join(root, "test", file),
    ]),
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const exit = once(child, "exit");
  const stop = async () => {
    child.kill("SIGKILL");
    await exit;
  };
  onTestFinished(stop);
  const ended = exit.then(() => Promise.reject(new Error(`${program} ended before it listened.`)));
  const [port] = (await Promise.race([once(child, "message"), ended])) as [number];
  ended.catch(() => {});
  return { port, folder, stop };
}

/** NestJS is compiled first, for its decorators, to a folder from which Node finds its packages. */
function compiled(example: string): string {
  const dist = join(root, "examples", example, "dist");
  mkdirSync(dist, { recursive: true });
  const output = mkdtempSync(join(dist, "test-"));
  onTestFinished(() => rmSync(output, { recursive: true }));
  const config = join(root, "examples", example, "tsconfig.build.json");
  execFileSync(join(root, "node_modules/.bin/tsc"), ["--noCheck", "-p", config, "--outDir", output]);
  return join(output, "main.js");
}

// Reports: iamolegga/nestjs-session#1204.
const examples = ["express", "fastify", "fetch", "hono", "koa", "nestjs", "node-http"];

test.each(examples)("examples/%s counts the visits of a visitor", async (example) => {
  const program = example === "nestjs" ? compiled(example) : join(root, "examples", example, "server.ts");
  const { port, folder } = await start(program);
  const url = `http://localhost:${port}`;
  const first = await fetch(url);
  expect(await first.text()).toBe("You have visited this page 1 time(s).\n");
  expect(first.headers.get("content-type")).toMatch(/^text\//);
  const cookie = (first.headers.get("set-cookie") ?? "").split(";")[0] as string;
  expect(cookie).toMatch(/^sessionid=/);
  expect(await (await fetch(url, { headers: { cookie } })).text()).toContain(" 2 time(s)");
  expect(await (await fetch(url)).text()).toContain(" 1 time(s)");
  expect(existsSync(join(folder, "sessions.sqlite3"))).toBe(true);
});

test("examples/from-express-session: a visitor stays signed in from before.js by moving.js to after.ts", async () => {
  const folder = newFolder();
  let cookie = "";
  /** Runs one of the three programs for a while, then ends it. */
  async function release<T>(
    program: string,
    visits: (visit: (path?: string) => Promise<string>) => Promise<T>,
  ) {
    const { port, stop } = await start(join(root, "examples/from-express-session", program), folder);
    const result = await visits(async (path = "/") => {
      const url = `http://localhost:${port}${path}`;
      const response = await fetch(url, { headers: { cookie }, redirect: "manual" });
      const set = response.headers.getSetCookie().map((line) => line.split(";")[0] as string);
      const kept = cookie
        .split("; ")
        .filter((pair) => !set.some((one) => one.split("=")[0] === pair.split("=")[0]));
      cookie = [...kept, ...set].filter((pair) => pair !== "" && !pair.endsWith("=")).join("; ");
      return await response.text();
    });
    await stop();
    return result;
  }

  await release("before.js", async (visit) => {
    await visit();
    await visit("/login?username=ada&password=secret");
    expect(await visit()).toBe("Visit 2 of ada\n");
  });
  const before = cookie;
  await release("moving.js", async (visit) => {
    const page = await Promise.all(Array.from({ length: 8 }, () => visit()));
    expect(page.every((text) => text.endsWith(" of ada\n"))).toBe(true);
  });
  // A rollback knows the visitor, and has forgotten what was written since; then forward again.
  expect(await release("before.js", (visit) => visit())).toBe("Visit 3 of ada\n");
  expect(cookie).toBe(before);

  const visits = Number(/\d+/.exec(await release("moving.js", (visit) => visit()))?.[0]);
  await release("after.ts", async (visit) => {
    const page = await Promise.all(Array.from({ length: 8 }, () => visit()));
    expect(page.every((text) => text.endsWith(" of ada\n"))).toBe(true);
    // Requests at the same time may show the same number, but each of them counts.
    expect(await visit()).toBe(`Visit ${visits + 9} of ada\n`);
    expect(cookie).toContain("sessionid=s%3A");
    await visit("/logout");
    expect(cookie).toBe("");
    cookie = before;
    expect(await visit()).toBe("Visit 1 of a stranger\n");
  });
});
