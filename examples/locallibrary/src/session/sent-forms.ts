import type { Request } from "express";
import { singleValue } from "../request/single-value.ts";

const REMEMBERED = 20;

/** The random token of a form, which views/partials/form-origin.liquid gives to each. */
export function formToken(req: Request): string | undefined {
  return singleValue(req.body?.form_token);
}

/**
 * Whether this form is sent for the first time. A double click sends a form twice, and what it adds must be added once:
 * call this before the change, and change nothing where the answer is false. It is false too where the session ended
 * while the request was under way.
 *
 * The token is entered by `update` and stored by `save` at once. Of two requests at the same moment the store takes one
 * first; for the other the function runs again, and finds the token there. Stored with the response, that would be
 * found out only after both had made their change.
 */
export async function isFirstSending(req: Request): Promise<boolean> {
  const token = formToken(req);
  if (token === undefined) return true;
  let isFirst = true;
  req.session.update("sent_forms", (sent = []) => {
    isFirst = !sent.includes(token);
    return isFirst ? [...sent, token].slice(-REMEMBERED) : sent;
  });
  return (await req.session.save()) && isFirst;
}
