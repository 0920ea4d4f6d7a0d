// Compiles src/ to dist/, from nothing, so that no file of a module that was renamed stays behind.
import { rmSync } from "node:fs";
import { run } from "./run.ts";

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
run("Building dist/", "tsc", "-p", "tsconfig.build.json");
