// Makes dist/ from src/, in an empty folder, so that no file of a renamed module stays behind: `node scripts/build.ts [folder]`.
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bundleInto } from "./bundle.ts";
import { run } from "./run.ts";

const dist = process.argv[2] ?? fileURLToPath(new URL("../dist", import.meta.url));

rmSync(dist, { recursive: true, force: true });
run("Declarations", "tsc", "-p", "tsconfig.build.json", "--outDir", dist);
await bundleInto(dist);
