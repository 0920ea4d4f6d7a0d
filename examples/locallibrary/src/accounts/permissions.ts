import type { Request, RequestHandler, Response } from "express";
import type { User } from "../database/schema.ts";
import { HttpError } from "../request/http-error.ts";
import { flash } from "../session/flash.ts";
import { keepForm } from "./interrupted-form.ts";

/**
 * Lets users pass. Other visitors are led over the login page back to the page they came from; a form that they sent is
 * kept, and sent when they have signed in.
 */
export const signedIn: RequestHandler = (req, res, next) => {
  if (isUser(res)) return next();
  if (req.method === "GET") askToSignIn(req);
  else keepForm(req, res);
  leadToLogin(res);
};

/** `signedIn` for a form with passwords in it, which must not be kept. */
export const signedInForSecrets: RequestHandler = (req, res, next) => {
  if (isUser(res)) return next();
  askToSignIn(req);
  leadToLogin(res);
};

/** Lets librarians pass, and treats visitors who are not signed in as `signedIn` does. */
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

function isUser(res: Response): boolean {
  if (res.locals.storeError) throw res.locals.storeError;
  return res.locals.user !== null;
}

function askToSignIn(req: Request): void {
  flash(req.session, "refused", "Sign in first, and you will be back here.");
}

function leadToLogin(res: Response): void {
  res.redirect(303, `/accounts/login/?next=${encodeURIComponent(res.locals.here)}`);
}
