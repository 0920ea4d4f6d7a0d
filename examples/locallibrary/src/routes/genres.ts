import { Router } from "express";
import type { LibraryDatabase } from "../database/open.ts";
import { countBooks, findBooks } from "../queries/books.ts";
import { findGenre, findGenres } from "../queries/genres.ts";
import { pageOf } from "../request/paging.ts";
import { idFrom, orNotFound } from "../request/rows.ts";
import { singleValue } from "../request/single-value.ts";

export function genreRoutes(database: LibraryDatabase): Router {
  const router = Router();

  router.get("/genres/", (_req, res) => {
    res.render("catalog/genres", { genres: findGenres(database) });
  });

  router.get("/genre/:id", (req, res) => {
    const genre = orNotFound(findGenre(database, idFrom(req.params.id)));
    const shelved = { genreId: genre.id };
    const page = pageOf(
      countBooks(database, shelved),
      res.locals.choices.preferences.perPage,
      singleValue(req.query.page),
    );
    res.render("catalog/genre", { genre, page, books: findBooks(database, shelved, page) });
  });

  return router;
}
