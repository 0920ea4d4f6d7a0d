/** The parts of a store's URL. No error shows the URL, because it may have a password. */
import { SettingsError } from "../../errors.ts";

const FORMS = [
  "sqlite:path",
  "file:directory",
  "memory:",
  "postgres://user:password@host/database",
  "mysql://user:password@host/database",
  "redis://host (rediss:// for TLS)",
  "redis+cluster://host1,host2",
  "redis+sentinel://host1,host2/name",
  "memcached://host",
  "django+postgres://user:password@host/database",
];

export const wrongUrl = (why: string) =>
  new SettingsError("store", `a URL of one of the forms ${FORMS.join(", ")}; this one ${why}`);

export interface Host {
  readonly host: string;
  readonly port: number;
}

export interface Parts {
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly hosts: readonly [Host, ...Host[]];
  /** The path without the slash before it. */
  readonly path: string;
}

/** Reads `scheme://user:password@host:port,host:port/path`. `URL` cannot read several hosts. */
export function partsOf(url: string, defaultPort: number): Parts {
  const [, login, hosts = "", path = ""] =
    /^[\w+]+:\/\/(?:(.*)@)?([^/?@]*)(?:\/([^?]*))?(?:\?.*)?$/.exec(url) ?? [];
  const [user, password] = (login ?? "").split(/:(.*)/s).map(decoded);
  const [first, ...others] = hosts.split(",").map((text) => hostOf(text, defaultPort));
  if (first === undefined) throw wrongUrl("has no host");
  return {
    user: user || undefined,
    password: password || undefined,
    hosts: [first, ...others],
    path: decoded(path),
  };
}

function hostOf(text: string, defaultPort: number): Host {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/i.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535) throw wrongUrl("has something else where hosts belong");
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port ?? defaultPort) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrongUrl("has a % that means nothing: write it as %25");
  }
}

/** Takes our own options out of the query. The rest of the query is for the driver. */
export function takeOptions<const Name extends string>(
  url: string,
  names: readonly Name[],
): { rest: string; options: Partial<Record<Name, string>> } {
  const at = url.indexOf("?");
  if (at === -1) return { rest: url, options: {} };
  const query = new URLSearchParams(url.slice(at + 1));
  const options: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = query.get(name);
    if (value !== null) options[name] = value;
    query.delete(name);
  }
  return { rest: url.slice(0, at) + (query.size > 0 ? `?${query}` : ""), options };
}

/** Takes our own options out of the query, where the driver takes none. Throws for any other option. */
export function onlyOptions<const Name extends string>(url: string, names: readonly Name[]) {
  const { rest, options } = takeOptions(url, names);
  if (rest.includes("?")) throw wrongUrl(`has other options than ${names.join(", ")}`);
  return { rest, options };
}
