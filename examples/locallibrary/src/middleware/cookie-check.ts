import type { Request, RequestHandler, Response } from "express";
import { returnPath } from "../request/return-path.ts";

const QUESTION = "cookies=asked";

declare global {
  namespace Express {
    interface Locals {
      /** The browser did not send back the cookie that it has just been given. */
      lacksCookies?: boolean;
    }
  }
}

/**
 * Redirects after a change that the session keeps. A browser that sent no cookie is either new here or takes none: the
 * question `cookies=asked` is added to the address, and `cookieCheck` finds the answer in the next request. A program
 * that is no browser is not asked.
 */
export function leadBack(req: Request, res: Response, path: string): void {
  const isBrowser = req.get("Sec-Fetch-Site") !== undefined || req.get("Origin") !== undefined;
  const isAsked = isBrowser && req.headers.cookie === undefined;
  res.redirect(303, isAsked ? `${path}${path.includes("?") ? "&" : "?"}${QUESTION}` : path);
}

/** If no cookie came back, the page tells the visitor that nothing was kept. If one did, redirects to the plain address. */
export const cookieCheck: RequestHandler = (req, res, next) => {
  const [path, isAsked] = withoutQuestion(req.originalUrl);
  if (!isAsked) return next();
  if (req.headers.cookie !== undefined) return res.redirect(303, returnPath(path));
  res.locals.lacksCookies = true;
  next();
};

/** An address without the question, and whether it had one. */
export function withoutQuestion(address: string): [path: string, isAsked: boolean] {
  const isAsked = address.endsWith(`?${QUESTION}`) || address.endsWith(`&${QUESTION}`);
  return [isAsked ? address.slice(0, -QUESTION.length - 1) : address, isAsked];
}
