import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../", import.meta.url);

/** Every public name of the package with the source file behind it, as the exports map has them: "coatcheck/sqlite", src/stores/sqlite.ts. */
export function entryPoints(): { publicName: string; source: string }[] {
  const { name, exports } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
    name: string;
    exports: Record<string, string | { default: string }>;
  };
  return Object.entries(exports).flatMap(([subpath, target]) => {
    if (typeof target === "string") return [];
    const file = target.default.replace("./dist/", "src/").replace(/\.js$/, ".ts");
    return [{ publicName: name + subpath.slice(1), source: fileURLToPath(new URL(file, root)) }];
  });
}
