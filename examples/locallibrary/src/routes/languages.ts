import { Router } from "express";
import type { LibraryDatabase } from "../database/open.ts";
import { countBooks, findBooks } from "../queries/books.ts";
import { findLanguage, findLanguages } from "../queries/languages.ts";
import { pageOf } from "../request/paging.ts";
import { idFrom, orNotFound } from "../request/rows.ts";
import { singleValue } from "../request/single-value.ts";

export function languageRoutes(database: LibraryDatabase): Router {
  const router = Router();

  router.get("/languages/", (_req, res) => {
    res.render("catalog/languages", { languages: findLanguages(database) });
  });

  router.get("/language/:id", (req, res) => {
    const language = orNotFound(findLanguage(database, idFrom(req.params.id)));
    const written = { languageId: language.id };
    const page = pageOf(
      countBooks(database, written),
      res.locals.choices.preferences.perPage,
      singleValue(req.query.page),
    );
    res.render("catalog/language", { language, page, books: findBooks(database, written, page) });
  });

  return router;
}
