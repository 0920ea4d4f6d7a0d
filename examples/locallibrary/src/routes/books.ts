import { Router } from "express";
import type { LibraryDatabase } from "../database/open.ts";
import { idFrom, orNotFound } from "../not-found.ts";
import { pageOf } from "../paging.ts";
import { countBooks, findBook, findBooks } from "../queries/books.ts";
import { singleValue } from "../single-value.ts";

export function bookRoutes(database: LibraryDatabase): Router {
  const router = Router();

  router.get("/books/", (req, res) => {
    const search = singleValue(req.query.q)?.trim() ?? "";
    const page = pageOf(countBooks(database, { search }), singleValue(req.query.page));
    res.render("catalog/books", { search, page, books: findBooks(database, { search }, page) });
  });

  router.get("/book/:id", (req, res) => {
    const book = orNotFound(findBook(database, idFrom(req.params.id)));
    const today = new Date().toISOString().slice(0, 10);
    res.render("catalog/book", { book, today });
  });

  return router;
}
