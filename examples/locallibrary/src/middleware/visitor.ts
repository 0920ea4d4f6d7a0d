import type { RequestHandler } from "express";
import type { LibraryDatabase } from "../database/open.ts";
import { findUser } from "../queries/users.ts";
import { takeFlashes } from "../session/flash.ts";

const MINUTE_MS = 60_000;

/** Gives every page what it shows besides its own matter: the user, the preferences, the messages that wait. */
export function visitor(database: LibraryDatabase): RequestHandler {
  return (req, res, next) => {
    const { session } = req;
    const user = session.userId === null ? null : (findUser(database, Number(session.userId)) ?? null);
    // The framework knows when a session was last written; a library card should know when it was last shown.
    if (user && Date.now() - session.get("seen_at", 0) > MINUTE_MS) session.set("seen_at", Date.now());
    Object.assign(res.locals, {
      user,
      path: req.path,
      returnTo: req.path.startsWith("/accounts/") ? null : req.originalUrl,
      theme: session.get("theme", "auto"),
      noticeDismissed: session.get("notice_dismissed", false),
      readingListSize: session.get("reading_list", []).length,
    });
    // Read by the page that shows them, and only then: a redirect leaves them for the next.
    Object.defineProperty(res.locals, "flashes", { enumerable: true, get: () => takeFlashes(session) });
    next();
  };
}
