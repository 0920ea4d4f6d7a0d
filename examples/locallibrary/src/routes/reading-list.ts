import { Router } from "express";
import { LONGEST_READING_LIST } from "../choices/choices.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { leadBack } from "../middleware/cookie-check.ts";
import { needsSession } from "../middleware/load-session.ts";
import { findBook, findBooksInOrder } from "../queries/books.ts";
import { returnPath } from "../request/return-path.ts";
import { idFrom, orNotFound } from "../request/rows.ts";
import { singleValue } from "../request/single-value.ts";
import { flash } from "../session/flash.ts";

const FULL = `Your reading list is full: it holds ${LONGEST_READING_LIST} books. Take one off first.`;

/** The reading list. A visitor needs no account for it. */
export function readingListRoutes(database: LibraryDatabase): Router {
  const router = Router();

  router.get("/reading-list/", needsSession, (_req, res) => {
    res.render("catalog/reading-list", {
      books: findBooksInOrder(database, res.locals.choices.readingList),
    });
  });

  router.post("/book/:id/list/", needsSession, (req, res) => {
    const book = orNotFound(findBook(database, idFrom(String(req.params.id))));
    if (res.locals.choices.list(book.id)) {
      flash(req.session, "done", `“${book.title}” is on your reading list.`);
    } else {
      flash(req.session, "refused", FULL);
    }
    leadBack(req, res, returnPath(singleValue(req.body?.next)));
  });

  router.post("/book/:id/unlist/", needsSession, (req, res) => {
    res.locals.choices.unlist(idFrom(String(req.params.id)));
    flash(req.session, "done", "The book is off your reading list.");
    leadBack(req, res, returnPath(singleValue(req.body?.next)));
  });

  return router;
}
