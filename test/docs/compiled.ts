/** Compiles the programs of a page as the project's own settings have it. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** What the compiler says of the programs in a folder, and its exit code: nothing and 0 where they compile. */
export function compiled(folder: string): [said: string, code: number | null] {
  const settings = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { noEmit: true, typeRoots: [join(root, "node_modules/@types")], types: ["node"] },
    include: ["*.ts"],
    exclude: [],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
  const tsc = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], {
    encoding: "utf8",
  });
  return [tsc.stdout, tsc.status];
}
