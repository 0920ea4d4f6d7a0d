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
    `Two different session() serve one request, an outer and an inner one, and both use the cookie "${place}". The browser ` +
      "keeps one cookie of that name, so one of the two sessions is lost. If they are to be one session, make it once with " +
      "createSessions(options) and give that to each session(); if not, give each a cookie.name of its own.",
  );
}
