import { hash } from "@node-rs/argon2";
import type { Sessions } from "coatcheck";
import { type Response, Router } from "express";
import { authenticate } from "../accounts/authentication.ts";
import { signedInForSecrets, userOf } from "../accounts/permissions.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { passwordForm } from "../forms/password-form.ts";
import { type FieldErrors, readForm } from "../forms/read-form.ts";
import { setPassword } from "../queries/users.ts";
import { flash } from "../session/flash.ts";
import { enterForm } from "../session/sent-forms.ts";

const TOO_MANY = "Too many wrong passwords. Wait a quarter of an hour and try again.";
const WRONG = "This is not your present password.";

export function passwordRoutes(database: LibraryDatabase, sessions: Sessions): Router {
  const router = Router();

  router.get("/password/", signedInForSecrets, (_req, res) => {
    showForm(res, {});
  });

  router.post("/password/", signedInForSecrets, async (req, res) => {
    const { session } = req;
    const { values, errors } = readForm(passwordForm, req.body);
    if (errors) return showForm(res, errors);

    const attempt = { username: userOf(res).username, address: req.ip ?? "" };
    const { user, wait } = await authenticate(database, attempt, values.old);
    const newHash = await hash(values.fresh);
    // A double click sends the form twice, and the browser takes only the second answer: that one must bring the new key.
    if (res.closed) return;
    if ((await enterForm(req)) !== "first") return res.redirect(303, "/accounts/sessions/");
    if (!user) return showForm(res, { old: wait > 0 ? TOO_MANY : WRONG });
    if (!setPassword(database, user.id, user.passwordHash, newHash)) return showForm(res, { old: WRONG });

    // An intruder who knew the old password must be signed out: the other devices lose their sessions, and this one gets a
    // new key.
    const others = await sessions.revokeUser(user.id, { except: session.handle });
    session.confirm();
    const devices = others === 1 ? "1 other device was" : `${others} other devices were`;
    flash(session, "done", `Your password was changed${others > 0 ? `, and ${devices} signed out` : ""}.`);
    res.redirect(303, "/accounts/sessions/");
  });

  return router;
}

function showForm(res: Response, errors: FieldErrors): void {
  res.status(Object.keys(errors).length > 0 ? 422 : 200);
  res.render("accounts/password", { errors });
}
