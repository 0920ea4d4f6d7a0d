import type { RequestHandler } from "express";
import type { Outages } from "../tour/outages.ts";
import { viewOf } from "../tour/tour.ts";

/** Gives every page the tour. The layout calls `tour` while it renders, so that it sees what the page itself has changed. */
export function tour(outages: Outages): RequestHandler {
  return (req, res, next) => {
    if (!res.locals.storeError) res.locals.tour = () => viewOf(req.session, outages);
    next();
  };
}
