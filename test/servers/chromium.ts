import { canInstall } from "./apt.ts";
import { find, findOrInstall, type Wanted } from "./find.ts";

const chromium: Wanted = { program: "chromium", debianPackage: "chromium" };

/** Why no browser can be had here, or undefined when one can. */
export function browserMissing(): string | undefined {
  if (process.env.TEST_CHROMIUM_PATH || find(chromium) || canInstall) return undefined;
  return "no chromium on this machine; install it or set TEST_CHROMIUM_PATH to the browser's program";
}

/** The path of a Chromium for playwright-core's `executablePath`. */
export function chromiumPath(): string {
  return process.env.TEST_CHROMIUM_PATH ?? findOrInstall(chromium);
}

/** For Chromium as root on a machine that reaches nothing but itself. */
export const chromiumArgs = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
