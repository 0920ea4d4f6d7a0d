import type { Sessions } from "coatcheck";
import { type RequestHandler, type Response, Router } from "express";
import { authenticate } from "../accounts/authentication.ts";
import { keptFormOf, sendForm, takeForm } from "../accounts/interrupted-form.ts";
import { signIn } from "../accounts/sign-in.ts";
import type { LibraryDatabase } from "../database/open.ts";
import type { User } from "../database/schema.ts";
import { findDemoUsers } from "../queries/users.ts";
import { returnPath } from "../request/return-path.ts";
import { singleValue } from "../request/single-value.ts";
import { enterForm, formToken, type SentForm } from "../session/sent-forms.ts";

const TWO_WEEKS_S = 14 * 24 * 60 * 60;
const UNTIL_THE_BROWSER_CLOSES = 0;

interface LoginForm {
  /** The page to lead to. */
  next: string;
  /** The id of an interrupted form that is to be sent after signing in. */
  keptForm: string | null;
  /** The page set a test cookie, because nothing else has shown yet that the browser takes cookies. */
  isTested: boolean;
  username?: string;
  failure?: "cookies" | "too many" | "wrong";
}

/** `routes` are those of the whole site. They answer the interrupted form of a visitor who has signed in. */
export function accountRoutes(database: LibraryDatabase, sessions: Sessions, routes: RequestHandler): Router {
  const router = Router();

  const showLogin = (res: Response, form: LoginForm) => {
    const demoUsers = findDemoUsers(database);
    res.render("accounts/login", { username: "", failure: null, ...form, demoUsers });
  };

  /** Ends the session that began when the same login form was sent before. */
  const endEarlierSignIn = async (user: User, token: string | undefined) => {
    for (const { handle, data } of await sessions.listUserSessions(user.id)) {
      const sent = data.sent_forms as SentForm[] | undefined;
      if (sent?.some((form) => form.token === token)) await sessions.revoke(handle, { userId: user.id });
    }
  };

  router.get("/login/", (req, res) => {
    const next = returnPath(singleValue(req.query.next));
    if (res.locals.user) return res.redirect(next);
    const isTested = req.headers.cookie === undefined;
    if (isTested) req.session.setTestCookie();
    showLogin(res, { next, keptForm: keptFormOf(req.session, next), isTested });
  });

  router.post("/login/", async (req, res, next) => {
    const { session } = req;
    const username = singleValue(req.body?.username)?.trim() ?? "";
    const form: LoginForm = {
      next: returnPath(singleValue(req.body?.next)),
      keptForm: singleValue(req.body?.kept_form) ?? null,
      // A program that posts without opening the page was given no test cookie.
      isTested: singleValue(req.body?.tested) === "yes",
      username,
    };
    // A missing test cookie proves nothing if any cookie came: another tab may have signed in, which replaces the session,
    // or another device may have ended it.
    if (form.isTested && !session.testCookieWorked() && req.headers.cookie === undefined) {
      session.setTestCookie();
      res.status(422);
      return showLogin(res, { ...form, failure: "cookies" });
    }

    const attempt = { username, address: req.ip ?? "" };
    const { user, wait } = await authenticate(database, attempt, singleValue(req.body?.password) ?? "");
    if (wait > 0) {
      res.status(429).set("Retry-After", String(wait));
      return showLogin(res, { ...form, failure: "too many" });
    }
    if (!user) {
      res.status(422);
      return showLogin(res, { ...form, failure: "wrong" });
    }

    // A double click on "Sign in" sends the form twice, and the browser takes only the second answer. If it has hung up on
    // this request already, a session would begin that no browser holds. If the first request was quicker than that, the
    // second ends the session of the first.
    if (res.closed) return;
    if ((await enterForm(req)) !== "first") {
      if (session.userId === String(user.id)) return res.redirect(303, form.next);
      await endEarlierSignIn(user, formToken(req));
    }

    signIn(req, user, singleValue(req.body?.remember) === "yes" ? TWO_WEEKS_S : UNTIL_THE_BROWSER_CLOSES);
    if (session.testCookieWorked()) session.deleteTestCookie();
    const keptForm = takeForm(session, form.keptForm ?? undefined, user);
    if (keptForm) sendForm(routes, keptForm, req, res, next);
    else res.redirect(303, form.next);
  });

  // Only POST signs out, so no link and no prefetch can do it.
  router.get("/logout/", (_req, res) => {
    res.render("accounts/logout");
  });

  router.post("/logout/", (req, res) => {
    const { session } = req;
    const tour = session.get("tour");
    session.logout();
    // A sign-out ends the session. What is set after it begins a new one, where the tour goes on.
    if (tour !== undefined) session.set("tour", tour);
    res.redirect(303, "/accounts/logout/");
  });

  return router;
}
