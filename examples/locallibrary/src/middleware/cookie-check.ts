import type { Request, RequestHandler, Response } from "express";

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
 * Redirects after a change that the session keeps. A browser that sent no cookie is new here, or takes none: the address
 * then carries a question, which `cookieCheck` answers. A program, which sends none of a browser's headers, is not asked.
 */
export function leadBack(req: Request, res: Response, path: string): void {
  const isBrowser = req.get("Sec-Fetch-Site") !== undefined || req.get("Origin") !== undefined;
  const isAsked = isBrowser && req.headers.cookie === undefined;
  res.redirect(303, isAsked ? `${path}${path.includes("?") ? "&" : "?"}${QUESTION}` : path);
}

/** Tells a visitor whose browser takes no cookies that nothing was kept; any other gets the address without the question. */
export const cookieCheck: RequestHandler = (req, res, next) => {
  const [path, isAsked] = withoutQuestion(req.originalUrl);
  if (!isAsked) return next();
  if (req.headers.cookie !== undefined) return res.redirect(303, path);
  res.locals.lacksCookies = true;
  next();
};

/** An address without the question, and whether it had one. */
export function withoutQuestion(address: string): [path: string, isAsked: boolean] {
  const isAsked = address.endsWith(`?${QUESTION}`) || address.endsWith(`&${QUESTION}`);
  return [isAsked ? address.slice(0, -QUESTION.length - 1) : address, isAsked];
}
