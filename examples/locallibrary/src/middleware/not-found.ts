import type { RequestHandler } from "express";
import { HttpError } from "../request/http-error.ts";

/** Comes after all routes: a request that reaches it fits none of them. */
export const notFound: RequestHandler = (req) => {
  throw new HttpError(404, `No page at ${req.path}.`);
};
