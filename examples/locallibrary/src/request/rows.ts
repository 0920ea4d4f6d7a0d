import { HttpError } from "./http-error.ts";

/** The row id in an address. Answers 404 for anything but a plain positive number. */
export function idFrom(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new HttpError(404, `"${text}" is no id.`);
  return Number(text);
}

/** The row that a query found. Answers 404 where it found none. */
export function orNotFound<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new HttpError(404, "No such row.");
  return row;
}
