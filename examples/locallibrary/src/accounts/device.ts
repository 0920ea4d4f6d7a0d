import Bowser from "bowser";
import type { Request } from "express";

const LONGEST = 300;

/** The name of a request's browser and its system, as "Chrome 140 on Linux". */
export function deviceName(req: Request): string {
  const userAgent = (req.get("User-Agent") ?? "").slice(0, LONGEST);
  if (userAgent === "") return "Unknown browser";
  const { browser, os } = Bowser.parse(userAgent);
  const version = browser.version?.split(".")[0] ?? "";
  const name = `${browser.name || "Unknown browser"} ${version}`.trim();
  return os.name ? `${name} on ${os.name}` : name;
}
