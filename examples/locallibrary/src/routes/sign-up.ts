import { hash } from "@node-rs/argon2";
import { type Response, Router } from "express";
import { signIn } from "../accounts/sign-in.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { passwordForm } from "../forms/password-form.ts";
import { type FieldErrors, readForm } from "../forms/read-form.ts";
import { signUpForm } from "../forms/sign-up-form.ts";
import { alreadySignedUpLetter, signUpLetter } from "../mail/letters.ts";
import { send } from "../mail/outbox.ts";
import { addressOf, hashOf, makeToken, takeToken } from "../mail/tokens.ts";
import { addUser, findUserByEmail, findUserByName } from "../queries/users.ts";
import { enterForm } from "../session/sent-forms.ts";
import { letterRequestRoutes } from "./letter-request.ts";

const ASK = "/accounts/sign-up/";
const DETAILS = "/accounts/sign-up/details/";
const UNTIL_THE_BROWSER_CLOSES = 0;
const TAKEN = "Another reader has this username. Choose another.";

/** A new account: first the address is proved by a letter, then the reader chooses a name and a password. */
export function signUpRoutes(database: LibraryDatabase, siteUrl: () => string): Router {
  const router = Router();

  const write = (email: string) => {
    const user = findUserByEmail(database, email);
    const letter = user
      ? alreadySignedUpLetter(user, `${siteUrl()}/accounts/password_reset/`)
      : signUpLetter(siteUrl() + ASK + makeToken(database, "sign up", email));
    send(database, email, letter);
  };
  router.use(letterRequestRoutes(database, { path: "/sign-up/", view: "accounts/sign-up", write }));

  router.get("/sign-up/details/", (req, res) => {
    const email = addressOf(database, "sign up", req.session.get("sign_up_token"));
    if (email === undefined) return showWorthless(res);
    showDetails(res, { email });
  });

  router.post("/sign-up/details/", async (req, res) => {
    const { session } = req;
    const tokenHash = session.get("sign_up_token");
    const email = addressOf(database, "sign up", tokenHash);
    const [who, secret] = [readForm(signUpForm, req.body), readForm(passwordForm, req.body)];
    const taken =
      who.values && findUserByName(database, who.values.username) ? { username: TAKEN } : undefined;
    const errors = { ...who.errors, ...secret.errors, ...taken };
    const hasErrors = Object.keys(errors).length > 0;
    if (email !== undefined && hasErrors) return showDetails(res, { ...req.body, email }, errors);
    const passwordHash = secret.values && (await hash(secret.values.fresh));
    // A double click sends the form twice, and the browser takes only the second answer: that one must bring the session.
    if (res.closed) return;
    if ((await enterForm(req)) !== "first") return res.redirect(303, "/catalog/");
    if (!who.values || tokenHash === undefined || email === undefined || passwordHash === undefined)
      return showWorthless(res);

    const fields = { ...who.values, email, passwordHash };
    const user = database.transaction(
      (transaction) => {
        if (addressOf(transaction, "sign up", tokenHash) === undefined) return "no token";
        const added = addUser(transaction, fields);
        if (added) takeToken(transaction, "sign up", tokenHash);
        return added;
      },
      { behavior: "immediate" },
    );
    if (user === "no token" || (!user && findUserByEmail(database, email))) return showWorthless(res);
    if (!user) return showDetails(res, { ...req.body, email }, { username: TAKEN });
    session.delete("sign_up_token");
    signIn(req, user, UNTIL_THE_BROWSER_CLOSES);
    res.redirect(303, "/catalog/");
  });

  router.get("/sign-up/:token", (req, res) => {
    const tokenHash = hashOf(req.params.token);
    if (addressOf(database, "sign up", tokenHash) === undefined) return showWorthless(res);
    req.session.set("sign_up_token", tokenHash);
    // A stranger may have planted the session's key in this browser. The new key is known to its reader only.
    req.session.cycleKey();
    res.redirect(303, DETAILS);
  });

  return router;
}

function showDetails(res: Response, given: { email: string }, errors: FieldErrors = {}): void {
  res.status(Object.keys(errors).length > 0 ? 422 : 200);
  res.render("accounts/sign-up-details", { username: "", name: "", ...given, errors });
}

function showWorthless(res: Response): void {
  res.status(410).render("accounts/worthless-link", { again: ASK });
}
