import Bowser from "bowser";
import type { Request } from "express";

const LONGEST = 300;

/** What a request tells of its device, to be kept at login. Behind a proxy the address needs Express's "trust proxy". */
export function deviceOf(req: Request): { user_agent: string; address: string } {
  return { user_agent: (req.get("User-Agent") ?? "").slice(0, LONGEST), address: req.ip ?? "" };
}

/** "Chrome 140 on Linux" */
export function deviceName(userAgent: string): string {
  if (userAgent === "") return "Unknown browser";
  const { browser, os } = Bowser.parse(userAgent);
  const version = browser.version?.split(".")[0] ?? "";
  const name = `${browser.name || "Unknown browser"} ${version}`.trim();
  return os.name ? `${name} on ${os.name}` : name;
}
