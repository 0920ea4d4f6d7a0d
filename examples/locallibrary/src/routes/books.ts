import { Router } from "express";
import type { LibraryDatabase } from "../database/open.ts";
import { today } from "../format/days.ts";
import { countBooks, findBook, findBooks } from "../queries/books.ts";
import { pageOf } from "../request/paging.ts";
import { idFrom, orNotFound } from "../request/rows.ts";
import { singleValue } from "../request/single-value.ts";

const RECENT_BOOKS = 6;

export function bookRoutes(database: LibraryDatabase): Router {
  const router = Router();

  router.get("/books/", (req, res) => {
    const search = singleValue(req.query.q)?.trim() ?? "";
    const page = pageOf(
      countBooks(database, { search }),
      res.locals.choices.preferences.perPage,
      singleValue(req.query.page),
    );
    res.render("catalog/books", { search, page, books: findBooks(database, { search }, page) });
  });

  router.get("/book/:id", (req, res) => {
    const book = orNotFound(findBook(database, idFrom(req.params.id)));
    if (!res.locals.storeError) {
      req.session.update("recent_books", (ids = []) =>
        [book.id, ...ids.filter((id) => id !== book.id)].slice(0, RECENT_BOOKS),
      );
    }
    const isListed = res.locals.choices.readingList.includes(book.id);
    res.render("catalog/book", { book, isListed, today: today() });
  });

  return router;
}
