import type { Sessions } from "coatcheck";
import { Router } from "express";
import { singleValue } from "../request/single-value.ts";

/**
 * The stream by which a page learns that its user was signed out elsewhere: public/still-signed-in.js listens to it. It ends
 * when the session has ended or belongs to another user. The browser then asks again, with the cookie that it has by now.
 */
export function stillSignedInRoutes(sessions: Sessions): Router {
  const router = Router();

  router.get("/", (req, res) => {
    const { session } = req;
    const isSignedIn = session.userId !== null && session.userId === singleValue(req.query.user);
    res.set({ "Content-Type": "text/event-stream", "Cache-Control": "private, no-store" });
    res.write(`retry: 1000\ndata: ${isSignedIn ? "signed in" : "signed out"}\n\n`);
    if (!isSignedIn) return res.end();
    const closed = new AbortController();
    res.on("close", () => closed.abort());
    sessions.watch(session, { signal: closed.signal }).addEventListener("abort", () => res.end());
  });

  return router;
}
