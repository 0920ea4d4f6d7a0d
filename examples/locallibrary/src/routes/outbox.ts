import { Router } from "express";
import type { LibraryDatabase } from "../database/open.ts";
import { findLetters } from "../mail/outbox.ts";

/** The letters that the demo has sent. Their links open accounts, so the page is no part of a site with real visitors. */
export function outboxRoutes(database: LibraryDatabase): Router {
  const router = Router();

  router.get("/", (_req, res) => {
    res.set("Cache-Control", "private, no-store");
    const letters = findLetters(database).map((letter) => ({
      ...letter,
      lines: letter.body.split("\n").map((text) => ({ text, isLink: /^https?:\/\/\S+$/.test(text) })),
    }));
    res.render("outbox", { letters });
  });

  return router;
}
