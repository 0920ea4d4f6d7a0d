import type { Request, RequestHandler } from "express";
import { HttpError } from "../request/http-error.ts";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Lets only this site's own forms change anything: another site's post would ride on the visitor's cookie. */
export const refuseCrossSite: RequestHandler = (req, _res, next) => {
  if (SAFE_METHODS.has(req.method) || isSameOrigin(req)) return next();
  throw new HttpError(403, `${req.method} ${req.path} came from another site.`, {
    title: "That did not come from here",
    advice:
      "The form was sent from another site, so nothing was changed. Open the page here and send it again.",
  });
};

/** Browsers say where a request comes from, in Fetch Metadata or at least in Origin; a client that says neither is no browser. */
function isSameOrigin(req: Request): boolean {
  const site = req.get("Sec-Fetch-Site");
  if (site !== undefined) return site === "same-origin" || site === "none";
  const origin = req.get("Origin");
  if (origin === undefined) return true;
  return URL.parse(origin)?.host === req.get("Host");
}
