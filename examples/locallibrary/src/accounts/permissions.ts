import type { RequestHandler } from "express";
import { HttpError } from "../request/http-error.ts";
import { returnPath } from "../request/return-path.ts";
import { singleValue } from "../request/single-value.ts";
import { flash } from "../session/flash.ts";

/** Lets in who is signed in, and leads everybody else over the login page back to where they were going. */
export const signedIn: RequestHandler = (req, res, next) => {
  if (res.locals.user) return next();
  // A form cannot be sent again after signing in, so that leads back to the page that held it.
  const backTo = req.method === "GET" ? req.originalUrl : returnPath(singleValue(req.body?.next));
  flash(req.session, "refused", "Sign in first, and you will be back here.");
  res.redirect(303, `/accounts/login/?next=${encodeURIComponent(backTo)}`);
};

/** Lets in librarians only. */
export const librarian: RequestHandler = (req, res, next) => {
  signedIn(req, res, () => {
    if (res.locals.user.role === "librarian") return next();
    throw new HttpError(403, `${res.locals.user.username} is no librarian and asked for ${req.originalUrl}.`);
  });
};
