import { type Response, Router } from "express";
import { authenticate } from "../accounts/authentication.ts";
import { deviceOf } from "../accounts/device.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { findDemoUsers } from "../queries/users.ts";
import { returnPath } from "../request/return-path.ts";
import { singleValue } from "../request/single-value.ts";
import { flash } from "../session/flash.ts";

const TWO_WEEKS_S = 14 * 24 * 60 * 60;
const UNTIL_THE_BROWSER_CLOSES = 0;

export function accountRoutes(database: LibraryDatabase): Router {
  const router = Router();

  const showLogin = (
    res: Response,
    form: { next: string; isTested: boolean; username?: string; failure?: string },
  ) => {
    const demoUsers = findDemoUsers(database);
    res.render("accounts/login", { username: "", failure: null, ...form, demoUsers });
  };

  router.get("/login/", (req, res) => {
    const next = returnPath(singleValue(req.query.next));
    if (res.locals.user) return res.redirect(next);
    if (!req.session.testCookieWorked()) req.session.setTestCookie();
    showLogin(res, { next, isTested: true });
  });

  router.post("/login/", async (req, res) => {
    const { session } = req;
    const next = returnPath(singleValue(req.body?.next));
    const username = singleValue(req.body?.username)?.trim() ?? "";
    // Only our page has set a test cookie; a program that posts at once has not been asked to keep any.
    const isTested = singleValue(req.body?.tested) === "yes";
    if (isTested && !session.testCookieWorked()) {
      session.setTestCookie();
      res.status(422);
      return showLogin(res, { next, isTested, username, failure: "cookies" });
    }

    const attempt = { username, address: req.ip ?? "" };
    const { user, wait } = await authenticate(database, attempt, singleValue(req.body?.password) ?? "");
    if (wait > 0) {
      res.status(429).set("Retry-After", String(wait));
      return showLogin(res, { next, isTested, username, failure: "too many" });
    }
    if (!user) {
      res.status(422);
      return showLogin(res, { next, isTested, username, failure: "wrong" });
    }

    session.login(user.id);
    session.setExpiry(singleValue(req.body?.remember) === "yes" ? TWO_WEEKS_S : UNTIL_THE_BROWSER_CLOSES);
    session.assign({ ...deviceOf(req), seen_at: Date.now() });
    if (session.testCookieWorked()) session.deleteTestCookie();
    flash(session, "done", `Welcome, ${user.name}.`);
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
