import type { Engine } from "../engine/engine.ts";

/** Warns once where two different `Sessions` serve one request and use the same cookie: each overwrites that of the other. */
export function warnOfSameCookie(
  outer: Pick<Engine, "cookiePlace">,
  inner: Pick<Engine, "cookiePlace" | "warnOnce">,
  secure: boolean,
): void {
  const place = inner.cookiePlace(secure);
  if (outer.cookiePlace(secure) !== place) return;
  inner.warnOnce(
    "COATCHECK_SAME_COOKIE",
    `Two session() serve one request with the cookie "${place}". The browser keeps one of that name, so one of the sessions is lost. ` +
      "For one session, give both what createSessions(options) returns; for two, give each a cookie.name of its own.",
  );
}
