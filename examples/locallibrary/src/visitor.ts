import type { RequestHandler } from "express";
import type { LibraryDatabase } from "./database/open.ts";
import { findUser } from "./queries/users.ts";

/** Gives every page what its header shows: the signed-in user, the place, and where signing in should lead back to. */
export function visitor(database: LibraryDatabase): RequestHandler {
  return (req, res, next) => {
    const { userId } = req.session;
    res.locals.user = userId === null ? null : (findUser(database, Number(userId)) ?? null);
    res.locals.path = req.path;
    res.locals.returnTo = req.path.startsWith("/accounts/") ? null : req.originalUrl;
    next();
  };
}
