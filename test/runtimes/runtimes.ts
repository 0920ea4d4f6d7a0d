/** The runtimes that the tests run on, and how each is given a program in TypeScript that imports coatcheck from src/. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { entryPoints } from "../../scripts/entry-points.ts";
import type { Program } from "./start.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const packaged = (path: string) => join(here, "node_modules", path);
const root = join(here, "../..");
/** A file of the folder `site`. */
export const site = (file: string) => join(here, "site", file);

export interface Runtime {
  readonly name: string;
  /** The file of its program. */
  readonly program: string;
  /** The file that serves the application there, and the stores that it has. */
  readonly site: string;
  readonly stores: readonly string[];
  /** How to run a file there. */
  run(file: string): Promise<Program>;
}

const newFolder = () => mkdtempSync(join(tmpdir(), "coatcheck-runtime-"));

function node(version: number, program: string): Runtime {
  const flags = ["--disable-warning=ExperimentalWarning", "--import", join(here, "../runner/from-source.ts")];
  return {
    name: `Node ${version}`,
    program,
    site: site("on-node.ts"),
    stores: ["memory", "cookies", "sqlite"],
    run: async (file) => ({ program, args: [...flags, file], folder: newFolder() }),
  };
}

const { arch, platform } = process;
const bunProgram = packaged(`@oven/bun-${platform}-${arch === "arm64" ? "aarch64" : arch}/bin/bun`);

/** Bun finds src/ by the paths of TypeScript. */
const paths = `--tsconfig-override=${join(root, "tsconfig.json")}`;

const bun: Runtime = {
  name: "Bun",
  program: bunProgram,
  site: site("on-bun.ts"),
  stores: ["memory", "cookies", "sqlite", "bun:sqlite"],
  run: async (file) => ({
    program: bunProgram,
    args: ["run", "--no-install", paths, file],
    folder: newFolder(),
  }),
};

const denoProgram = packaged(`@deno/${platform}-${arch}-glibc/deno`);

/** Deno finds src/ by an import map, and the rest in node_modules. */
const deno: Runtime = {
  name: "Deno",
  program: denoProgram,
  site: site("on-deno.ts"),
  stores: ["memory", "cookies", "sqlite"],
  async run(file) {
    const folder = newFolder();
    const map = join(folder, "imports.json");
    const sources = entryPoints().map(({ publicName, source }) => [publicName, pathToFileURL(source).href]);
    writeFileSync(map, JSON.stringify({ imports: Object.fromEntries(sources) }));
    const own = ["--quiet", "--no-lock", "--no-remote", "--node-modules-dir=manual", `--import-map=${map}`];
    const settings = ["DENO_NO_UPDATE_CHECK=1", `DENO_DIR=${join(folder, "cache")}`];
    const args = [...settings, denoProgram, "run", "--allow-all", ...own, file];
    return { program: "env", args, folder };
  },
};

const workerdProgram = packaged(
  `@cloudflare/workerd-${platform}-${arch === "x64" ? "64" : arch}/bin/workerd`,
);

const workerdConfig = `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker", esModule = embed "worker.js")],
    compatibilityDate = "2026-11-01",
    compatibilityFlags = ["nodejs_compat"],
    bindings = [(name = "SESSION_SECRET", text = "a secret of the tests, and of nothing else")],
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;

/** A worker is one file, as its users' tools make it too. */
const workerd: Runtime = {
  name: "workerd",
  program: workerdProgram,
  site: site("worker.ts"),
  stores: ["memory", "cookies"],
  async run(file) {
    const folder = newFolder();
    const bundle = ["build", file, paths, "--format=esm", "--target=browser", "--external=node:*"];
    await promisify(execFile)(bunProgram, [...bundle, `--outfile=${join(folder, "worker.js")}`]);
    writeFileSync(join(folder, "config.capnp"), workerdConfig);
    return { program: workerdProgram, args: ["serve", "config.capnp", "--control-fd=1"], folder };
  },
};

export const runtimes: readonly Runtime[] = [
  node(22, packaged(`node22-${platform}-${arch}/bin/node`)),
  node(24, process.execPath),
  node(26, packaged(`node26-${platform}-${arch}/bin/node`)),
  bun,
  deno,
  workerd,
];

/** Why a runtime cannot be had here, or undefined when it can. Known once `installed` has resolved. */
export function missing({ name, program }: Runtime): string | undefined {
  if (existsSync(program)) return undefined;
  return `no ${name} for ${platform} ${arch} among the packages of test/runtimes`;
}
