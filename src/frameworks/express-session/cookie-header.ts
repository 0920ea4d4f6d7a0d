/** The cookie on the wire: its value as it came, and the `Set-Cookie` header. */

/** The cookie as it is sent and as JSON shows it. */
export interface CookieData {
  originalMaxAge: number | null;
  partitioned?: boolean | undefined;
  priority?: "low" | "medium" | "high" | undefined;
  expires?: Date | string | null | undefined;
  secure?: boolean | "auto" | undefined;
  httpOnly?: boolean | undefined;
  domain?: string | undefined;
  path?: string | undefined;
  sameSite?: boolean | "lax" | "strict" | "none" | "auto" | undefined;
}

/** A cookie value as it was before `encodeURIComponent`. */
export function decode(value: string): string {
  const bare = value.startsWith('"') ? value.slice(1, -1) : value;
  if (!bare.includes("%")) return bare;
  try {
    return decodeURIComponent(bare);
  } catch {
    return bare;
  }
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const DOMAIN = /^\.?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;
const PATH = /^[\x20-\x3a\x3c-\x7e]*$/;
const PRIORITIES: Record<string, string> = { low: "Low", medium: "Medium", high: "High" };
const SAME_SITE: Record<string, string> = { true: "Strict", strict: "Strict", lax: "Lax", none: "None" };

/** A `Set-Cookie` header. Throws a TypeError that names an attribute which cannot be sent. */
export function serialize(name: string, value: string, cookie: Partial<CookieData> = {}): string {
  const { domain, path, expires, httpOnly, secure, partitioned, priority, sameSite } = cookie;
  check("name", TOKEN.test(name));
  let header = `${name}=${encodeURIComponent(value)}`;
  if (domain) {
    check("domain", DOMAIN.test(domain));
    header += `; Domain=${domain}`;
  }
  if (path) {
    check("path", PATH.test(path));
    header += `; Path=${path}`;
  }
  if (expires) {
    check("expires", expires instanceof Date && Number.isFinite(expires.valueOf()));
    header += `; Expires=${(expires as Date).toUTCString()}`;
  }
  if (httpOnly) header += "; HttpOnly";
  if (secure) header += "; Secure";
  if (partitioned) header += "; Partitioned";
  if (priority) header += `; Priority=${known("priority", PRIORITIES, priority)}`;
  if (sameSite) header += `; SameSite=${known("sameSite", SAME_SITE, sameSite)}`;
  return header;
}

function known(option: string, names: Record<string, string>, value: unknown): string {
  const name = names[String(value).toLowerCase()];
  check(option, name !== undefined);
  return name as string;
}

function check(option: string, isValid: boolean): void {
  if (!isValid) throw new TypeError(`option ${option} is invalid`);
}
