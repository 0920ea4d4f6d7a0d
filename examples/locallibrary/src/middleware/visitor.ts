import type { RequestHandler } from "express";
import { accountChoices, adoptChoices } from "../choices/account-choices.ts";
import { type Choices, defaults } from "../choices/choices.ts";
import { sessionChoices } from "../choices/session-choices.ts";
import type { LibraryDatabase } from "../database/open.ts";
import type { User } from "../database/schema.ts";
import { findUser } from "../queries/users.ts";
import { returnPath } from "../request/return-path.ts";
import { singleValue } from "../request/single-value.ts";
import { withoutQuestion } from "./cookie-check.ts";

const MINUTE_MS = 60_000;

declare global {
  namespace Express {
    interface Locals {
      user: User | null;
      choices: Choices;
      /** The page that the visitor is on. Forms send it along as `next`, and lead back to it. */
      here: string;
    }
  }
}

/** Gives every page its visitor: the user, the preferences, the reading list, the messages that wait. */
export function visitor(database: LibraryDatabase): RequestHandler {
  return (req, res, next) => {
    const { path, session } = req;
    const [address] = withoutQuestion(req.originalUrl);
    const here = req.method === "GET" ? address : formPage(req.body, address);
    // A sign-in from a page under /accounts/ leads to the catalog, and not back to "You are signed out".
    Object.assign(res.locals, { path, here, returnTo: path.startsWith("/accounts/") ? null : here });
    if (res.locals.storeError) {
      Object.assign(res.locals, { user: null, choices: noChoices, isSessionAway: true });
      return next();
    }

    const account = session.userId === null ? undefined : findUser(database, Number(session.userId));
    const user = account?.isActive ? account : null;
    const choices = user ? accountChoices(database, user) : sessionChoices(session);
    if (user) {
      adoptChoices(session, choices);
      // The framework notes when a session was last written. The list of devices needs when it was last used.
      if (Date.now() - session.get("seen_at", 0) > MINUTE_MS) session.set("seen_at", Date.now());
    }
    // A page shows what the session holds, so no cache may show it to another visitor. The framework makes the pages of
    // users `private, no-store` unless they say `private` themselves: the browser then keeps none of them for Back.
    if (!user) res.set("Cache-Control", "private, no-cache");
    const { theme, noticeDismissed } = choices.preferences;
    const readingListSize = choices.readingList.length;
    Object.assign(res.locals, {
      user,
      choices,
      isVisitorKnown: true,
      theme,
      noticeDismissed,
      readingListSize,
      // The layout calls it, so that only a page that shows the messages takes them: a redirect leaves them for the next page.
      flashes: () => session.pop("flashes", []),
    });
    next();
  };
}

/** The page that held the form. A form without `next` is taken to come from the page at its own address. */
function formPage(body: Record<string, unknown> | undefined, address: string): string {
  const next = singleValue(body?.next);
  return next === undefined ? address : returnPath(next);
}

/** Used while the session cannot be read. Routes that change choices come after `needsSession`, and never get this. */
const noChoices: Choices = {
  preferences: defaults,
  prefer: () => {},
  readingList: [],
  list: () => false,
  unlist: () => {},
};
