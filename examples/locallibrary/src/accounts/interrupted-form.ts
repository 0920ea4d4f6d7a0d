import { randomUUID } from "node:crypto";
import type { Session } from "coatcheck";
import type { NextFunction, Request, RequestHandler, Response } from "express";
import type { User } from "../database/schema.ts";
import { singleValue } from "../request/single-value.ts";

const KEPT_MS = 60 * 60_000;

/** A form that needs a sign-in and came without one, most often because the session ended while the form was filled in. */
export interface InterruptedForm {
  id: string;
  /** The address to which it was sent. */
  path: string;
  fields: [name: string, value: string | string[]][];
  /** The page that held it. */
  next: string;
  /** The id of the user who was signed in when the page was made; empty where no user was. */
  sender: string;
  /** Epoch milliseconds. */
  at: number;
}

/** Keeps the form of this request in the session until the visitor has signed in. */
export function keepForm(req: Request, res: Response): void {
  req.session.set("interrupted_form", {
    id: randomUUID(),
    path: req.originalUrl,
    fields: Object.entries(req.body ?? {}),
    next: res.locals.here,
    sender: singleValue(req.body?.sender) ?? "",
    at: Date.now(),
  });
}

/** The id of the kept form, if the login page leads back to the page of that form; else null. */
export function keptFormOf(session: Session, next: string): string | null {
  const form = session.get("interrupted_form");
  return form && form.next === next && !isOld(form) ? form.id : null;
}

/**
 * Takes the kept form out of the session. Returns it only if the login page announced this form (`id`), and if it is not
 * another user's: on a shared computer one user must not send the form of another.
 */
export function takeForm(session: Session, id: string | undefined, user: User): InterruptedForm | null {
  const form = session.pop("interrupted_form");
  if (!form || form.id !== id || isOld(form)) return null;
  return form.sender === "" || form.sender === String(user.id) ? form : null;
}

function isOld({ at }: InterruptedForm): boolean {
  return Date.now() - at > KEPT_MS;
}

/** Lets `routes` answer the request as if the browser had just sent the form. */
export function sendForm(
  routes: RequestHandler,
  { path, fields }: InterruptedForm,
  req: Request,
  res: Response,
  next: NextFunction,
): void {
  const body = Object.fromEntries(fields);
  Object.assign(req, { url: path, originalUrl: path, baseUrl: "", body });
  void routes(req, res, next);
}
