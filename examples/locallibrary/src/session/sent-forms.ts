import type { Request, Response } from "express";
import { singleValue } from "../request/single-value.ts";
import { flash } from "./flash.ts";

const REMEMBERED = 20;

/** A form that was sent, and the page to which the answer led; null while that is not known yet. */
export interface SentForm {
  token: string;
  ledTo: string | null;
}

/** The random token of a form, which views/partials/form-origin.liquid gives to each. */
export function formToken(req: Request): string | undefined {
  return singleValue(req.body?.form_token);
}

/**
 * Enters the form of this request among those that were sent. Returns "first", or the entry of the same form if it was
 * sent before, as a double click does. Returns "ended" if the session ended while the request was under way. Call this
 * before the change that the form asks for, and make the change only after "first".
 *
 * The form is entered by `update`, and stored by `save` at once. Of two requests at the same moment the store takes one
 * first; for the other the function runs again, and finds the form there. If it were stored with the response, both
 * requests would have made their change by then.
 */
export async function enterForm(req: Request): Promise<"first" | "ended" | SentForm> {
  const token = formToken(req);
  if (token === undefined) return "first";
  let entry: SentForm | undefined;
  req.session.update("sent_forms", (sent = []) => {
    entry = sent.find((form) => form.token === token);
    return entry ? sent : [...sent, { token, ledTo: null }].slice(-REMEMBERED);
  });
  if (!(await req.session.save())) return "ended";
  return entry ?? "first";
}

/**
 * Makes a change once, however often its form is sent, and redirects to the page that `change` returns. A further sending
 * leads to that page too, or to `otherwise` where the change is not made yet.
 */
export async function changeOnce(
  req: Request,
  res: Response,
  otherwise: string,
  change: () => string,
): Promise<void> {
  const entry = await enterForm(req);
  if (entry === "ended") return res.redirect(303, otherwise);
  if (entry !== "first") {
    flash(req.session, "done", "The form was sent twice, and counted once.");
    return res.redirect(303, entry.ledTo ?? otherwise);
  }
  const ledTo = change();
  const token = formToken(req);
  req.session.update("sent_forms", (sent = []) =>
    sent.map((form) => (form.token === token ? { ...form, ledTo } : form)),
  );
  res.redirect(303, ledTo);
}
