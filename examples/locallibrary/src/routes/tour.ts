import type { Sessions } from "coatcheck";
import { Router } from "express";
import { leadBack } from "../middleware/cookie-check.ts";
import { returnPath } from "../request/return-path.ts";
import { singleValue } from "../request/single-value.ts";
import { Meetings } from "../tour/guest-book.ts";
import type { Outages } from "../tour/outages.ts";
import { openStolen } from "../tour/stolen-cookie.ts";
import { stops } from "../tour/stops.ts";
import { beginTour, goTo, passStop } from "../tour/tour.ts";

const TABS = "/tour/tabs/";
const tabs = ["First", "Second"];

/** The guided tour: six stops, each of which sees by itself when its task was done. */
export function tourRoutes(sessions: Sessions, outages: Outages): Router {
  const router = Router();
  const meetings = new Meetings();

  router.get("/", (_req, res) => res.render("tour/tour", { allStops: stops }));

  router.post("/begin/", (req, res) => {
    beginTour(req.session);
    leadBack(req, res, "/catalog/");
  });

  router.post("/close/", (req, res) => {
    goTo(req.session, { isOpen: false });
    res.redirect(303, returnPath(singleValue(req.body?.next)));
  });

  router.post("/stop/", (req, res) => {
    const number = Number(singleValue(req.body?.number));
    if (Number.isInteger(number) && number >= 1 && number <= stops.length)
      goTo(req.session, { at: number - 1, isOpen: true });
    res.redirect(303, returnPath(singleValue(req.body?.next)));
  });

  router.get("/tabs/", (req, res) => {
    res.render("tour/tabs", { tabs, book: req.session.get("guest_book", []) });
  });

  router.post("/tabs/", async (req, res) => {
    const { session } = req;
    const tab = tabs.find((name) => name === singleValue(req.body?.tab));
    if (session.handle === null || tab === undefined) return res.redirect(303, TABS);
    const found = session.get("guest_book", []).length;
    const closed = new AbortController();
    res.once("close", () => closed.abort());
    const meeting = await meetings.come(session.handle, closed.signal);
    session.update("guest_book", (book = []) => [...book.slice(-9), { tab, found, meeting }]);
    await session.save();
    // The page that follows shows what both have stored.
    if (meeting !== null) await meetings.come(meeting, closed.signal);
    res.redirect(303, TABS);
  });

  router.post("/outage/", async (req, res) => {
    const { session } = req;
    // What the visitor has done so far is stored first; this response needs the store no more.
    await session.save();
    if (session.handle !== null) outages.begin(session.handle);
    res.redirect(303, "/catalog/");
  });

  router.post("/theft/", async (req, res) => {
    const { handle } = await openStolen(sessions, req);
    passStop(req.session, "binding", { theft: handle === null ? "refused" : "let in" });
    res.redirect(303, returnPath(singleValue(req.body?.next)));
  });

  return router;
}
