import { Router } from "express";
import type { LibraryDatabase } from "../database/open.ts";
import { findBook, findBooksInOrder } from "../queries/books.ts";
import { returnPath } from "../request/return-path.ts";
import { idFrom, orNotFound } from "../request/rows.ts";
import { singleValue } from "../request/single-value.ts";
import { flash } from "../session/flash.ts";

const LONGEST_LIST = 100;

/** Books to read some day: kept by the session, so it needs no account. */
export function readingListRoutes(database: LibraryDatabase): Router {
  const router = Router();

  router.get("/reading-list/", (req, res) => {
    res.render("catalog/reading-list", {
      books: findBooksInOrder(database, req.session.get("reading_list", [])),
    });
  });

  // Both by `update`: of two tabs that add a book at the same moment, both books are on the list.
  router.post("/book/:id/list/", (req, res) => {
    const book = orNotFound(findBook(database, idFrom(req.params.id)));
    const list = req.session.update("reading_list", (ids = []) =>
      ids.includes(book.id) || ids.length >= LONGEST_LIST ? ids : [...ids, book.id],
    );
    if (list.includes(book.id)) flash(req.session, "done", `“${book.title}” is on your reading list.`);
    else
      flash(
        req.session,
        "refused",
        `Your reading list is full: it holds ${LONGEST_LIST} books. Take one off first.`,
      );
    res.redirect(303, returnPath(singleValue(req.body?.next)));
  });

  router.post("/book/:id/unlist/", (req, res) => {
    const id = idFrom(req.params.id);
    req.session.update("reading_list", (ids = []) => ids.filter((listed) => listed !== id));
    flash(req.session, "done", "The book is off your reading list.");
    res.redirect(303, returnPath(singleValue(req.body?.next)));
  });

  return router;
}
