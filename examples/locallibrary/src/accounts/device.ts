import Bowser from "bowser";
import type { Request } from "express";

const LONGEST = 300;

/** The browser and the address of a request, to be noted at sign-in. Behind a proxy, Express needs "trust proxy" to know the address. */
export function deviceOf(req: Request): { user_agent: string; address: string } {
  return { user_agent: (req.get("User-Agent") ?? "").slice(0, LONGEST), address: req.ip ?? "" };
}

/** The name of a browser and its system, as "Chrome 140 on Linux". */
export function deviceName(userAgent: string): string {
  if (userAgent === "") return "Unknown browser";
  const { browser, os } = Bowser.parse(userAgent);
  const version = browser.version?.split(".")[0] ?? "";
  const name = `${browser.name || "Unknown browser"} ${version}`.trim();
  return os.name ? `${name} on ${os.name}` : name;
}
