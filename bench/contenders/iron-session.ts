import type { Request, Response } from "express";
import { getIronSession } from "iron-session";
import { NAME, type Visitor, visitor } from "../visitor.ts";
import { type Open, SECRET } from "./contender.ts";
import { serve } from "./express.ts";

const options = { password: SECRET, cookieName: "iron", cookieOptions: { secure: false } };

const open = (request: Request, response: Response) =>
  getIronSession<Visitor & { userId: number }>(request, response, options);

/** A handler opens and saves the session itself, so there is no middleware. */
export const ironSession: Open = () =>
  serve({
    none: (_request, response) => {
      response.send(NAME);
    },
    read: async (request, response) => {
      const { name } = await open(request, response);
      response.send(name);
    },
    write: async (request, response) => {
      const session = await open(request, response);
      session.visits = (session.visits ?? 0) + 1;
      await session.save();
      response.send(`${session.visits}`);
    },
    fill: async (request, response) => {
      const session = await open(request, response);
      Object.assign(session, visitor(Number(request.query.bytes)));
      await session.save();
      response.send("filled");
    },
  });
