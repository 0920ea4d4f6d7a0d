import type { RequestHandler } from "express";
import type { Session } from "express-session";
import { NAME, type Visitor, visitor } from "../visitor.ts";
import type { Routes } from "./contender.ts";

/** Cast, because to TypeScript the `session` of Express's requests is coatcheck's here. */
const sessionOf = (request: object) =>
  (request as { session: Session & Partial<Visitor> & { userId?: number } }).session;

/** The same code for express-session and for the drop-in. */
export const routes: Routes<RequestHandler> = {
  none: (_request, response) => {
    response.send(NAME);
  },
  read: (request, response) => {
    response.send(sessionOf(request).name);
  },
  write: (request, response) => {
    const session = sessionOf(request);
    session.visits = (session.visits ?? 0) + 1;
    response.send(`${session.visits}`);
  },
  fill: (request, response) => {
    Object.assign(sessionOf(request), visitor(Number(request.query.bytes)));
    response.send("filled");
  },
  login: (request, response, next) => {
    sessionOf(request).regenerate((error) => {
      if (error) return next(error);
      sessionOf(request).userId = 7;
      response.send("in");
    });
  },
  logout: (request, response, next) => {
    sessionOf(request).destroy((error) => (error ? next(error) : response.send("out")));
  },
};
