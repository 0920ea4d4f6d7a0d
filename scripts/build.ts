// Compiles src/ to an empty dist/, so that no file of a renamed module stays behind.
import { rmSync } from "node:fs";
import { run } from "./run.ts";

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
run("Building dist/", "tsc", "-p", "tsconfig.build.json");
