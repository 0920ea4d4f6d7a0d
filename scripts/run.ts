import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));

/** Runs the command of an installed package on this Node, without a shell, and ends the script when it fails. */
export function run(what: string, command: keyof typeof packageOf, ...args: string[]): void {
  console.log(`${what}: ${command} ${args.join(" ")}`);
  const { status, error } = spawnSync(process.execPath, [commandFile(command), ...args], {
    cwd: root,
    stdio: "inherit",
  });
  if (status === 0) return;
  console.error(`${what} failed${error ? `: ${error.message}` : ", see above."}`);
  process.exit(status || 1);
}

const packageOf = {
  tsc: "typescript",
  biome: "@biomejs/biome",
  depcruise: "dependency-cruiser",
  knip: "knip",
  publint: "publint",
  attw: "@arethetypeswrong/cli",
} as const;

function commandFile(command: keyof typeof packageOf): string {
  const manifest = join(root, "node_modules", packageOf[command], "package.json");
  const { bin } = JSON.parse(readFileSync(manifest, "utf8")) as { bin: string | Record<string, string> };
  return join(dirname(manifest), typeof bin === "string" ? bin : (bin[command] as string));
}
