import { hash } from "@node-rs/argon2";
import type { Sessions } from "coatcheck";
import { type Response, Router } from "express";
import type { LibraryDatabase } from "../database/open.ts";
import type { User } from "../database/schema.ts";
import { passwordForm } from "../forms/password-form.ts";
import { type FieldErrors, readForm } from "../forms/read-form.ts";
import { passwordSetLetter, resetLetter } from "../mail/letters.ts";
import { send } from "../mail/outbox.ts";
import { addressOf, hashOf, makeToken, takeToken } from "../mail/tokens.ts";
import { findUserByEmail, setPassword } from "../queries/users.ts";
import { enterForm } from "../session/sent-forms.ts";
import { letterRequestRoutes } from "./letter-request.ts";

const ASK = "/accounts/password_reset/";
const CHOOSE = "/accounts/reset/set-password/";
const COMPLETE = "/accounts/reset/done/";

/** A new password for a reader who has forgotten the old one, at the addresses that the tutorials' site has. */
export function passwordResetRoutes(
  database: LibraryDatabase,
  sessions: Sessions,
  siteUrl: () => string,
): Router {
  const router = Router();

  const userOfToken = (tokenHash: string | undefined): User | undefined => {
    const email = addressOf(database, "reset", tokenHash);
    const user = email === undefined ? undefined : findUserByEmail(database, email);
    return user?.isActive ? user : undefined;
  };

  const write = (email: string) => {
    const user = findUserByEmail(database, email);
    if (!user?.isActive) return;
    const token = makeToken(database, "reset", email);
    send(database, email, resetLetter(user, `${siteUrl()}/accounts/reset/${token}/`));
  };
  router.use(
    letterRequestRoutes(database, { path: "/password_reset/", view: "accounts/password-reset", write }),
  );

  // Before the link of a letter, whose token could be any word.
  router.get("/reset/done/", (_req, res) => res.render("accounts/password-set"));

  router.get("/reset/set-password/", (req, res) => {
    const user = userOfToken(req.session.get("reset_token"));
    if (user) showChoose(res, user, {});
    else showWorthless(res);
  });

  router.post("/reset/set-password/", async (req, res) => {
    const { session } = req;
    const tokenHash = session.get("reset_token");
    const user = userOfToken(tokenHash);
    const { values, errors } = readForm(passwordForm, req.body);
    if (user && errors) return showChoose(res, user, errors);
    const newHash = values && (await hash(values.fresh));
    // A double click sends the form twice. The second one finds the token used up, unless the first has failed: then it counts.
    const isRepetition = (await enterForm(req)) !== "first";
    const showTaken = () => (isRepetition ? res.redirect(303, COMPLETE) : showWorthless(res));
    if (!user || tokenHash === undefined || newHash === undefined) return showTaken();

    // A thief who knew the old password loses every session. Before the change, so that nothing is changed while the store is
    // away; and after it, because the old password may have signed in once more in between.
    await sessions.revokeUser(user.id);
    const isSet = database.transaction(
      (transaction) =>
        takeToken(transaction, "reset", tokenHash) &&
        setPassword(transaction, user.id, user.passwordHash, newHash),
      { behavior: "immediate" },
    );
    if (!isSet) return showTaken();
    await sessions.revokeUser(user.id);
    send(database, user.email, passwordSetLetter(user, siteUrl() + ASK));
    session.delete("reset_token");
    res.redirect(303, COMPLETE);
  });

  // A program that looks at the links of a letter uses none up: opening one changes nothing, and the token leaves the
  // address before the page is shown.
  router.get("/reset/:token/", (req, res) => {
    const tokenHash = hashOf(req.params.token);
    if (!userOfToken(tokenHash)) return showWorthless(res);
    req.session.set("reset_token", tokenHash);
    // A stranger may have planted the session's key in this browser. The new key is known to its reader only.
    req.session.cycleKey();
    res.redirect(303, CHOOSE);
  });

  return router;
}

function showChoose(res: Response, { username }: User, errors: FieldErrors): void {
  res.status(Object.keys(errors).length > 0 ? 422 : 200);
  res.render("accounts/set-password", { username, errors });
}

function showWorthless(res: Response): void {
  res.status(410).render("accounts/worthless-link", { again: ASK });
}
