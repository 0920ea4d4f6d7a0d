/** The examples, started as processes of their own and visited. */
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a program from source in an empty folder; resolves to the port on which it listens. */
async function start(program: string): Promise<{ port: number; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), "coatcheck-example-"));
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
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exit;
    rmSync(folder, { recursive: true });
  });
  const ended = exit.then(() => Promise.reject(new Error(`${program} ended before it listened.`)));
  const [port] = (await Promise.race([once(child, "message"), ended])) as [number];
  ended.catch(() => {});
  return { port, folder };
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
