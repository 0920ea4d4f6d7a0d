import { SettingsError } from "../errors.ts";
import type { CookieOptions } from "./options.ts";
import { isToken, Reader } from "./reader.ts";

/** The cookie's attributes, checked, with their defaults. */
export interface CookieSettings {
  /** null where the name is chosen for each request. */
  readonly name: string | null;
  readonly path: string;
  readonly domain: string | null;
  readonly secure: boolean | "auto";
  readonly httpOnly: boolean;
  readonly sameSite: "strict" | "lax" | "none";
  readonly partitioned: boolean;
}

/** The name of the session cookie on https. */
export const secureNameOf = ({ name, path, domain }: CookieSettings): string =>
  name ?? (path === "/" && domain === null ? "__Host-sessionid" : "sessionid");

const isPath = (value: unknown) => typeof value === "string" && /^\/[\x20-\x3a\x3c-\x7e]*$/.test(value);
const isDomain = (value: unknown) =>
  typeof value === "string" && /^\.?[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(value);

/** Checks the option `cookie` and fills in the defaults. */
export function readCookie(given: CookieOptions): CookieSettings {
  const read = new Reader(given, "cookie");
  const cookie = {
    name: read.value<string | null>(
      "name",
      null,
      "a cookie name: letters, digits and - _ . and the like",
      isToken,
    ),
    path: read.value("path", "/", 'a path that begins with "/" and has no ";"', isPath),
    domain: read.value<string | null>("domain", null, "a host name such as example.com", isDomain),
    secure: read.oneOf<boolean | "auto">("secure", "auto", [true, false, "auto"]),
    httpOnly: read.flag("httpOnly", true),
    sameSite: read.oneOf("sameSite", "lax", ["strict", "lax", "none"]),
    partitioned: read.flag("partitioned", false),
  };
  read.end();
  // Browsers compare the prefixes without regard to case (RFC 6265bis, 5.7).
  const prefix = /^__(host|secure)-/i.exec(cookie.name ?? "")?.[1]?.toLowerCase();
  if (prefix === "host" && (cookie.domain !== null || cookie.path !== "/")) {
    throw new SettingsError(
      "cookie.name",
      "a __Host- name only without a domain and with the path /",
      cookie.name,
    );
  }
  const needsSecure = prefix
    ? "its prefix"
    : cookie.sameSite === "none"
      ? "sameSite: none"
      : cookie.partitioned
        ? "partitioned"
        : null;
  if (needsSecure === null) return cookie;
  if (cookie.secure === false)
    throw new SettingsError("cookie.secure", `true or "auto" here, as ${needsSecure} demands`, false);
  return { ...cookie, secure: true };
}
