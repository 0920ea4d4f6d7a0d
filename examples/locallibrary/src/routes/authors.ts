import { Router } from "express";
import type { LibraryDatabase } from "../database/open.ts";
import { countAuthors, findAuthor, findAuthors } from "../queries/authors.ts";
import { countBooks, findBooks } from "../queries/books.ts";
import { pageOf } from "../request/paging.ts";
import { idFrom, orNotFound } from "../request/rows.ts";
import { singleValue } from "../request/single-value.ts";

export function authorRoutes(database: LibraryDatabase): Router {
  const router = Router();

  router.get("/authors/", (req, res) => {
    const page = pageOf(
      countAuthors(database),
      res.locals.choices.preferences.perPage,
      singleValue(req.query.page),
    );
    res.render("catalog/authors", { page, authors: findAuthors(database, page) });
  });

  router.get("/author/:id", (req, res) => {
    const author = orNotFound(findAuthor(database, idFrom(req.params.id)));
    const written = { authorId: author.id };
    const page = pageOf(
      countBooks(database, written),
      res.locals.choices.preferences.perPage,
      singleValue(req.query.page),
    );
    res.render("catalog/author", { author, page, books: findBooks(database, written, page) });
  });

  return router;
}
