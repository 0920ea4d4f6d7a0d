import { type Response, Router } from "express";
import type { LibraryDatabase } from "../database/open.ts";
import { emailForm } from "../forms/email-form.ts";
import { type FieldErrors, readForm } from "../forms/read-form.ts";
import { secondsToWait, writeLater } from "../mail/requests.ts";

interface LetterRequest {
  /** The address of the form. The answer is at `done/` beneath it. */
  path: string;
  view: string;
  /** Writes the letter, or none. The visitor does not learn which. */
  write: (email: string) => void;
}

const TOO_MANY = { email: "Too many letters were asked for from here. Wait a quarter of an hour." };

/** A form that asks for an e-mail address, and answers in the same way whether the address is known or not. */
export function letterRequestRoutes(database: LibraryDatabase, { path, view, write }: LetterRequest): Router {
  const router = Router();

  const show = (res: Response, status: number, errors: FieldErrors = {}, given: { email?: unknown } = {}) => {
    res.status(status).render(view, { email: given.email ?? "", errors });
  };

  router.get(path, (_req, res) => show(res, 200));

  router.post(path, (req, res) => {
    const { values, errors } = readForm(emailForm, req.body);
    if (errors) return show(res, 422, errors, req.body);
    const wait = secondsToWait(database, req);
    if (wait > 0) return show(res.set("Retry-After", String(wait)), 429, TOO_MANY);
    writeLater(database, req, res, values.email, () => write(values.email));
    res.redirect(303, `${req.baseUrl}${path}done/`);
  });

  router.get(`${path}done/`, (_req, res) => res.render("accounts/letter-sent"));

  return router;
}
