import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import express from "express";

const DIRECTORY = join(import.meta.dirname, "../../public");

/** The files in public/. Browsers may keep them for a year, because a changed file gets a new address. */
export const staticFiles = express.static(DIRECTORY, {
  immutable: true,
  maxAge: "1y",
  index: false,
  setHeaders: (res) => res.setHeader("X-Content-Type-Options", "nosniff"),
});

/** The address of a file in public/. It changes with the content of the file. */
export function staticUrl(name: string): string {
  const fingerprint = createHash("sha256")
    .update(readFileSync(join(DIRECTORY, name)))
    .digest("hex")
    .slice(0, 12);
  return `/static/${name}?${fingerprint}`;
}
