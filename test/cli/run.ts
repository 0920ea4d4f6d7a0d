import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** The words that start the command from source. */
const command = [
  process.execPath,
  "--import",
  join(root, "test/runner/from-source.ts"),
  join(root, "src/cli/coatcheck.ts"),
];

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts the command; `ended` resolves when it has. */
export function start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const [program, ...first] = command as [string, ...string[]];
  return watch(spawn(program, [...first, ...args], { env: { ...process.env, SESSION_STORE: "", ...env } }));
}

/** Runs the command on a terminal; resolves to what a person would see. */
export function startOnTerminal(args: readonly string[]) {
  const line = [...command, ...args].map((word) => `'${word}'`).join(" ");
  const env = { ...process.env, SESSION_STORE: "", TERM: "xterm", COLUMNS: "120" };
  return watch(spawn("script", ["-qec", line, "/dev/null"], { env }));
}

function watch(child: ChildProcess) {
  let [out, err] = ["", ""];
  child.stdout?.on("data", (text) => {
    out += text;
  });
  child.stderr?.on("data", (text) => {
    err += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) => resolve({ code, out, err }));
  });
  return { child, ended };
}

export const run = (args: readonly string[], env?: NodeJS.ProcessEnv) => start(args, env).ended;

/** Runs the command with --json, and parses what it prints. */
export async function runJson(...args: string[]) {
  const { code, out, err } = await run([...args, "--json"]);
  if (err !== "") throw new Error(`it wrote to stderr: ${err}`);
  return { code, said: JSON.parse(out) };
}
