import { Router } from "express";
import { authenticate } from "../authentication.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { returnPath } from "../return-path.ts";
import { demoUsers } from "../seed/users.ts";
import { singleValue } from "../single-value.ts";

export function accountRoutes(database: LibraryDatabase): Router {
  const router = Router();

  router.get("/login/", (req, res) => {
    const next = returnPath(singleValue(req.query.next));
    if (res.locals.user) return res.redirect(next);
    res.render("accounts/login", { next, username: "", failed: false, demoUsers });
  });

  router.post("/login/", async (req, res) => {
    const next = returnPath(singleValue(req.body?.next));
    const username = singleValue(req.body?.username)?.trim() ?? "";
    const user = await authenticate(database, username, singleValue(req.body?.password) ?? "");
    if (!user) {
      res.status(422).render("accounts/login", { next, username, failed: true, demoUsers });
      return;
    }
    req.session.login(user.id);
    res.redirect(303, next);
  });

  // Signing out changes something, so a link or a prefetch must not do it: the page has a button.
  router.get("/logout/", (_req, res) => {
    res.render("accounts/logout");
  });

  router.post("/logout/", (req, res) => {
    req.session.logout();
    res.redirect(303, "/accounts/logout/");
  });

  return router;
}
