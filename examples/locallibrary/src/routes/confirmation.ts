import { type Response, Router } from "express";
import { authenticate } from "../accounts/authentication.ts";
import { signedInForSecrets, userOf } from "../accounts/permissions.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { returnPath } from "../request/return-path.ts";
import { singleValue } from "../request/single-value.ts";
import { enterForm } from "../session/sent-forms.ts";

const TOO_MANY = "Too many wrong passwords. Wait a quarter of an hour and try again.";
const WRONG = "This is not your password.";

/** The page that asks for the password again. `ConfirmationNeededError` leads here: see middleware/confirmation.ts. */
export function confirmationRoutes(database: LibraryDatabase): Router {
  const router = Router();

  router.get("/confirm/", signedInForSecrets, (req, res) => {
    showForm(res, returnPath(singleValue(req.query.next)));
  });

  router.post("/confirm/", signedInForSecrets, async (req, res) => {
    const next = returnPath(singleValue(req.body?.next));
    const attempt = { username: userOf(res).username, address: req.ip ?? "" };
    const { user, wait } = await authenticate(database, attempt, singleValue(req.body?.password) ?? "");
    // A double click sends the form twice, and the browser takes only the second answer: that one must bring the new key.
    if (res.closed) return;
    if (wait > 0) {
      res.status(429).set("Retry-After", String(wait));
      return showForm(res, next, TOO_MANY);
    }
    if (!user) {
      res.status(422);
      return showForm(res, next, WRONG);
    }
    if ((await enterForm(req)) === "first") req.session.confirm();
    res.redirect(303, next);
  });

  return router;
}

function showForm(res: Response, next: string, wrong?: string): void {
  res.render("accounts/confirm", { next, errors: wrong === undefined ? {} : { password: wrong } });
}
