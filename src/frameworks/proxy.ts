/** The headers in which a proxy tells how a request came. They count only where the application trusts its proxy. */
import type { Engine } from "../engine/engine.ts";

/** True where `X-Forwarded-Proto` or `Forwarded` (RFC 7239) says that the browser came over https; null when neither is there. */
export function cameByHttps(headers: Headers): boolean | null {
  // A chain of proxies writes a list, and the first of them spoke with the browser.
  const proto =
    headers.get("x-forwarded-proto")?.split(",")[0] ??
    /(?:^|;)\s*proto="?([a-z]+)/i.exec(headers.get("forwarded")?.split(",")[0] ?? "")?.[1];
  return proto === undefined ? null : proto.trim().toLowerCase() === "https";
}

/** Warns once where the browser came over https, and the cookie is not Secure because no proxy is trusted. */
export function warnOfProxy(
  engine: Pick<Engine, "warnOnce">,
  claim: string | null | undefined,
  secure: boolean,
): void {
  if (secure || !claim || !/^https\b/i.test(claim)) return;
  engine.warnOnce(
    "COATCHECK_UNTRUSTED_PROXY",
    "A request came with X-Forwarded-Proto: https from a proxy that is not trusted, so its cookie is not " +
      'Secure. If the proxy is yours: in Express, app.set("trust proxy", 1); in Koa, app.proxy = true; in Fastify, coatcheck/hono and ' +
      "coatcheck/fetch, the option trustProxy; elsewhere, set req.secure = true before session().",
  );
}
