// Checks everything but behaviour: the types of source, tests and examples, style and lint, the order of the rooms in src/,
// files and exports that nothing uses, and the package as users get it.
import { globSync } from "node:fs";
import { run } from "./run.ts";

run("Types", "tsc", "-p", "tsconfig.json");
// Each of these folders declares session keys, which hold for a whole program; so each is a program of its own.
for (const project of globSync(["test/types/*/tsconfig.json", "examples/*/tsconfig.json"]))
  run("Types", "tsc", "--noEmit", "-p", project);
run("Style", "biome", "check", ".");
run("Rooms", "depcruise", "--config", "scripts/rooms.mjs", "src");
run("Unused files and exports", "knip");
await import("./build.ts");
run("Package", "publint", "--strict");
run("Types of the package", "attw", "--quiet", "--pack", ".", "--profile", "esm-only");
