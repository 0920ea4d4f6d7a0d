import type { Request, RequestHandler, Response } from "express";
import type { User } from "../database/schema.ts";
import { HttpError } from "../request/http-error.ts";
import { flash } from "../session/flash.ts";

/** Lets users pass, and leads other visitors over the login page back to the page they came from. */
export const signedIn: RequestHandler = (req, res, next) => {
  if (res.locals.storeError) throw res.locals.storeError;
  if (res.locals.user) return next();
  leadToLogin(req, res);
};

/** Lets librarians pass. */
export const librarian: RequestHandler = (req, res, next) => {
  signedIn(req, res, () => {
    const { role, username } = userOf(res);
    if (role === "librarian") return next();
    throw new HttpError(403, `${username} is no librarian and asked for ${req.originalUrl}.`);
  });
};

/** The user, in a route that comes after `signedIn` or `librarian`. */
export function userOf(res: Response): User {
  const { user } = res.locals;
  if (!user) throw new Error("This route does not ask for a user first.");
  return user;
}

function leadToLogin(req: Request, res: Response): void {
  flash(req.session, "refused", "Sign in first, and you will be back here.");
  res.redirect(303, `/accounts/login/?next=${encodeURIComponent(res.locals.here)}`);
}
