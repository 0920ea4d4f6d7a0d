import { hash, verify } from "@node-rs/argon2";
import type { Sessions } from "coatcheck";
import { type Response, Router } from "express";
import { signedInForSecrets, userOf } from "../accounts/permissions.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { passwordForm } from "../forms/password-form.ts";
import { type FieldErrors, readForm } from "../forms/read-form.ts";
import { withdrawTokens } from "../mail/tokens.ts";
import { setPassword } from "../queries/users.ts";
import { flash } from "../session/flash.ts";
import { enterForm } from "../session/sent-forms.ts";

const SAME = "This is the password you have. Choose another.";
const CHANGED =
  "Your password was changed in another place a moment ago. If that was not you, tell a librarian.";

/** Seconds. A password that was given longer ago is asked for again before it is changed: see routes/confirmation.ts. */
const RECENT_S = 5 * 60;

export function passwordRoutes(database: LibraryDatabase, sessions: Sessions): Router {
  const router = Router();

  router.get("/password/", signedInForSecrets, (req, res) => {
    req.session.requireRecent(RECENT_S);
    showForm(res, {});
  });

  router.post("/password/", signedInForSecrets, async (req, res) => {
    const { session } = req;
    session.requireRecent(RECENT_S);
    const { values, errors } = readForm(passwordForm, req.body);
    if (errors) return showForm(res, errors);

    const user = userOf(res);
    const isSame = await verify(user.passwordHash, values.fresh);
    const newHash = await hash(values.fresh);
    // A double click sends the form twice, and the browser takes only the second answer: that one must bring the new key.
    if (res.closed) return;
    // Before "the password you have" is said: after the first sending, the second has just that.
    if ((await enterForm(req)) !== "first") return res.redirect(303, "/accounts/sessions/");
    if (isSame) return showForm(res, { fresh: SAME });
    if (!setPassword(database, user.id, user.passwordHash, newHash)) return showForm(res, { fresh: CHANGED });

    // The letters that were sent before must not set another one.
    withdrawTokens(database, "reset", user.email);
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
