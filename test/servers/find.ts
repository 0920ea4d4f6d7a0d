import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { aptInstall } from "./apt.ts";

/** What to look for: the program, the folders outside PATH where it may be, and Debian's package of it. */
export interface Wanted {
  readonly program: string;
  readonly folders?: readonly string[];
  readonly debianPackage: string;
}

/** The program's path, or undefined where it is not on this machine. */
export function find({ program, folders = [] }: Wanted): string | undefined {
  return [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", ...folders]
    .map((folder) => join(folder, program))
    .find((file) => existsSync(file));
}

/** The program's path, installed first where it is missing. */
export function findOrInstall(wanted: Wanted): string {
  const found = find(wanted);
  if (found) return found;
  aptInstall(wanted.debianPackage);
  const installed = find(wanted);
  if (!installed)
    throw new Error(
      `apt-get installed ${wanted.debianPackage}, but ${wanted.program} is not among what it brought.`,
    );
  return installed;
}
