import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const OPERATIONS = [
  "access",
  "mkdir",
  "open",
  "readdir",
  "readFile",
  "rename",
  "rmdir",
  "stat",
  "unlink",
  "writeFile",
] as const;

type Operation = (...given: unknown[]) => Promise<unknown>;

/** Runs `work` with something around each file operation of this process; `number` counts them from 0. */
async function around<T>(
  work: () => Promise<T>,
  instead: (number: number, name: string, run: Operation, given: unknown[]) => Promise<unknown>,
): Promise<T> {
  const patched = fs as unknown as Record<string, Operation>;
  const originals = OPERATIONS.map((name) => [name, patched[name] as Operation] as const);
  let count = 0;
  for (const [name, original] of originals) {
    patched[name] = (...given) => instead(count++, name, original, given);
  }
  syncBuiltinESMExports();
  try {
    return await work();
  } finally {
    for (const [name, original] of originals) patched[name] = original;
    syncBuiltinESMExports();
  }
}

/** If the operation writes a file, writes only half of it. */
async function half(name: string, run: Operation, [file, text, ...rest]: unknown[]): Promise<void> {
  if (name === "writeFile")
    await run(file, (text as string).slice(0, (text as string).length / 2), ...rest).catch(() => {});
}

/**
 * Runs `work` as if the process were killed before file operation `at`, or in the middle of it if it writes: no later
 * operation happens. Resolves to true if `work` got as far as that operation.
 */
export async function killedAt(at: number, work: () => Promise<unknown>): Promise<boolean> {
  let wasKilled = false;
  const killed = new Error("killed");
  await around(
    () =>
      work().catch((error) => {
        if (!wasKilled) throw error;
      }),
    async (number, name, run, given) => {
      if (number < at) return run(...given);
      if (number === at) await half(name, run, given);
      wasKilled = true;
      throw killed;
    },
  );
  return wasKilled;
}

/** Runs `work` with its `at`-th operation that needs room failing on a full disk. Resolves to false if it has fewer of them. */
export async function fullAt(at: number, work: () => Promise<unknown>): Promise<boolean> {
  let needing = 0;
  let wasFull = false;
  await around(work, async (_number, name, run, given) => {
    if (!["mkdir", "rename", "writeFile"].includes(name) || needing++ !== at) return run(...given);
    wasFull = true;
    await half(name, run, given);
    throw Object.assign(new Error(`ENOSPC: no space left on device, ${name}`), { code: "ENOSPC" });
  }).catch((error) => {
    if (!wasFull || !String(error).includes("ENOSPC")) throw error;
  });
  return wasFull;
}

/** Runs `work` with each file operation delayed at random, so that the operations of several calls mix in many ways. */
export function slowly<T>(work: () => Promise<T>): Promise<T> {
  return around(work, async (_number, _name, run, given) => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() < 0.8 ? 0 : Math.random() * 30));
    return run(...given);
  });
}
