import { ConfirmationNeededError } from "coatcheck";
import type { ErrorRequestHandler } from "express";

/**
 * A route that calls `session.requireRecent` throws ConfirmationNeededError when the password was given too long ago. This
 * leads to the page that asks for it again, and from there back to the page that the visitor was on.
 */
export const askForPassword: ErrorRequestHandler = (error, _req, res, next) => {
  if (!(error instanceof ConfirmationNeededError)) return next(error);
  res.redirect(303, `/accounts/confirm/?next=${encodeURIComponent(res.locals.here)}`);
};
