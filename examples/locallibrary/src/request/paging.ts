import { pageSizes } from "../choices/choices.ts";
import { HttpError } from "./http-error.ts";

/** One page of a long list: its number among the pages, and the rows that a query has to fetch for it. */
export interface Page {
  number: number;
  count: number;
  total: number;
  limit: number;
  offset: number;
}

/**
 * The page that `?page=` asks for. Answers 404 for a page that no page size would have; a page that only a smaller page
 * size has is the last one, so an address stays good when the reader chooses longer pages.
 */
export function pageOf(total: number, limit: number, asked = "1"): Page {
  const count = pageCount(total, limit);
  const most = pageCount(total, Math.min(...pageSizes));
  const number = /^[1-9]\d{0,8}$/.test(asked) ? Number(asked) : 0;
  if (number < 1 || number > most) throw new HttpError(404, `There is no page ${asked} of ${count}.`);
  const shown = Math.min(number, count);
  return { number: shown, count, total, limit, offset: (shown - 1) * limit };
}

function pageCount(total: number, limit: number): number {
  return Math.max(1, Math.ceil(total / limit));
}
