import { HttpError } from "./http-error.ts";

/** One page of a long list: its place among the pages, and the rows that it asks of a query. */
export interface Page {
  number: number;
  count: number;
  total: number;
  limit: number;
  offset: number;
}

/** The page that `?page=` asks for; a page that the list does not have is not found. */
export function pageOf(total: number, limit: number, asked = "1"): Page {
  const count = Math.max(1, Math.ceil(total / limit));
  const number = /^[1-9]\d{0,8}$/.test(asked) ? Number(asked) : 0;
  if (number < 1 || number > count) throw new HttpError(404, `There is no page ${asked} of ${count}.`);
  return { number, count, total, limit, offset: (number - 1) * limit };
}
