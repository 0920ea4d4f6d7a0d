import type { RequestHandler } from "express";
import { HttpError } from "./http-error.ts";

/** The row id in an address; anything but a plain number names nothing here. */
export function idFrom(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new HttpError(404, `"${text}" is no id.`);
  return Number(text);
}

export function orNotFound<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new HttpError(404, "No such row.");
  return row;
}

/** Stands behind all routes. */
export const notFound: RequestHandler = (req) => {
  throw new HttpError(404, `No page at ${req.path}.`);
};
