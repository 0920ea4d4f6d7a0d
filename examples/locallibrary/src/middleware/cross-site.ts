import type { Request, RequestHandler } from "express";
import { HttpError } from "../request/http-error.ts";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Refuses changes that another site asks for: the browser would send the visitor's cookie along (CSRF, OWASP). */
export const refuseCrossSite: RequestHandler = (req, _res, next) => {
  if (SAFE_METHODS.has(req.method) || isSameOrigin(req)) return next();
  throw new HttpError(403, `${req.method} ${req.path} came from another site.`, {
    title: "That did not come from here",
    advice:
      "The form was sent from another site, so nothing was changed. Open the page here and send it again.",
  });
};

/** Browsers state the origin of a request in Sec-Fetch-Site, older ones in Origin. A client that sends neither is no browser. */
function isSameOrigin(req: Request): boolean {
  const site = req.get("Sec-Fetch-Site");
  if (site !== undefined) return site === "same-origin" || site === "none";
  const origin = req.get("Origin");
  if (origin === undefined) return true;
  return URL.parse(origin)?.host === req.get("Host");
}
