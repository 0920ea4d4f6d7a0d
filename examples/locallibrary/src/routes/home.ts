import { Router } from "express";
import type { LibraryDatabase } from "../database/open.ts";
import { needsSession } from "../middleware/load-session.ts";
import { findBooksInOrder, suggestBooks } from "../queries/books.ts";
import { countHoldings } from "../queries/holdings.ts";

const SUGGESTIONS = 6;

export function homeRoutes(database: LibraryDatabase): Router {
  const router = Router();

  router.get("/", needsSession, (req, res) => {
    const visits = req.session.update("num_visits", (n = 0) => n + 1);
    const holdings = countHoldings(database);
    const recent = findBooksInOrder(database, req.session.get("recent_books", []));
    res.render("catalog/home", { visits, holdings, recent, books: suggestBooks(database, SUGGESTIONS) });
  });

  return router;
}
