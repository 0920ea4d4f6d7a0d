/** The cookies of Next.js: `await cookies()` resolves to one jar for each request and phase. */
import { cookies } from "next/headers.js";
import { readCookie } from "../../cookie/cookie.ts";
import type { Header } from "../session-headers.ts";

export interface Jar {
  get(name: string): { readonly value: string } | undefined;
  set(cookie: JarCookie): unknown;
  delete(name: string): unknown;
}

/** A cookie as `jar.set` takes it. */
export interface JarCookie {
  readonly name: string;
  readonly value: string;
  readonly path?: string;
  readonly domain?: string;
  readonly maxAge?: number;
  readonly expires?: Date;
  readonly secure?: boolean;
  readonly httpOnly?: boolean;
  readonly sameSite?: "strict" | "lax" | "none";
  readonly partitioned?: boolean;
}

/**
 * Whether a cookie that is put into the jar now reaches the browser. A jar that cannot take one has the same function, which
 * throws, under both names. A trial `set` would make Next.js render the page again.
 */
export function isWritable(jar: Jar): boolean {
  const { set, delete: remove }: Record<"set" | "delete", unknown> = jar;
  return typeof set === "function" && typeof remove === "function" && set !== remove;
}

/** Whether the response of the present request can take no more cookies, asked of Next.js at this moment. */
export async function isReadOnlyNow(): Promise<boolean> {
  return !isWritable(await cookies());
}

/** Puts the cookies of a session into the jar of this moment. */
export async function putCookies(headers: readonly Header[]): Promise<void> {
  const found = headers.filter(([name]) => name === "Set-Cookie");
  if (found.length === 0) return;
  const jar = await cookies();
  for (const [, setCookie] of found) jar.set(parse(setCookie));
}

/**
 * The Cookie header of a request as the session is to read it. It is the header that came, because the jar decodes the values and
 * keeps one of each name; unless the jar has another value for our name, which an action or `proxy.ts` has set in this request.
 */
export function cookieHeader(came: string | null, jar: Jar, name: string): string | null {
  const value = jar.get(name)?.value ?? "";
  const sent = readCookie(came, name);
  if (sent.includes(value) || (value === "" && sent.length === 0)) return came;
  const others = (came ?? "").split(";").filter((pair) => readCookie(pair, name).length === 0);
  return [...others, ...(value === "" ? [] : [`${name}=${value}`])].join(";");
}

/** A Set-Cookie header of ours, as `jar.set` takes it. */
function parse(setCookie: string): JarCookie {
  const [pair = "", ...rest] = setCookie.split("; ");
  const equals = pair.indexOf("=");
  const given = new Map(rest.map((text) => text.split("=", 2) as [string, string | undefined]));
  const text = <Name extends keyof JarCookie>(name: Name, value: string | undefined) =>
    value === undefined ? {} : { [name]: value };
  const [maxAge, expires] = [given.get("Max-Age"), given.get("Expires")];
  return {
    name: pair.slice(0, equals),
    value: pair.slice(equals + 1),
    ...text("path", given.get("Path")),
    ...text("domain", given.get("Domain")),
    ...(maxAge === undefined ? {} : { maxAge: Number(maxAge) }),
    ...(expires === undefined ? {} : { expires: new Date(expires) }),
    ...text("sameSite", given.get("SameSite")?.toLowerCase()),
    secure: given.has("Secure"),
    httpOnly: given.has("HttpOnly"),
    partitioned: given.has("Partitioned"),
  };
}
