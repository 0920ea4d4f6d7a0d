import type { Sessions } from "coatcheck";
import { Router } from "express";
import { librarian } from "../accounts/permissions.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { fileSize } from "../format/file-size.ts";
import { plot } from "../format/plot.ts";
import { addSample, findSamples } from "../queries/store-samples.ts";
import { singleValue } from "../request/single-value.ts";
import { Clearing } from "../session/clearing.ts";
import type { SessionStore } from "../session/store.ts";

const HOUR_MS = 60 * 60_000;
const SHORTEST_SPAN_MS = 10 * 60_000;
const PATH = "/librarian/sessions/";

const spans: Record<string, number> = { hour: HOUR_MS, day: 24 * HOUR_MS, week: 7 * 24 * HOUR_MS };

/** The dashboard counts the sessions of all visitors. It never shows their users or their data. */
export function sessionDashboardRoutes(
  database: LibraryDatabase,
  sessions: Sessions,
  { store, name }: SessionStore,
): Router {
  const router = Router();
  const clearing = new Clearing(sessions);

  router.get("/", librarian, async (req, res) => {
    const stats = await sessions.stats();
    addSample(database, stats);
    const size = stats.bytes === null ? null : fileSize(stats.bytes);
    const asked = singleValue(req.query.span) ?? "";
    const span = Object.hasOwn(spans, asked) ? asked : "hour";
    const now = Date.now();
    const samples = findSamples(database, now - (spans[span] ?? HOUR_MS));
    // On a young site the plots begin with the first sample, and not with hours that have none.
    const from = Math.min(samples[0]?.at ?? now, now - SHORTEST_SPAN_MS);
    const plotOf = (of: "live" | "authenticated" | "expired" | "bytes", label?: (value: number) => string) =>
      plot(
        samples.map((sample) => ({ at: sample.at, value: sample[of] })),
        [from, now],
        label,
      );
    res.render("librarian/sessions", {
      storeName: name,
      stats,
      size,
      oldest: stats.oldest === null ? null : new Date(stats.oldest),
      forgetsByItself: store.clearExpired === undefined,
      progress: clearing.progress,
      span,
      spans: Object.keys(spans),
      plots: [
        { title: "Active", plot: plotOf("live"), now: stats.live },
        { title: "Signed in", plot: plotOf("authenticated"), now: stats.authenticated },
        { title: "Expired and waiting", plot: plotOf("expired"), now: stats.expired },
        { title: "Size of the store", plot: plotOf("bytes", fileSize), now: size },
      ],
    });
  });

  router.post("/clear/", librarian, async (_req, res) => {
    const { expired } = await sessions.stats();
    clearing.start(expired);
    res.redirect(303, PATH);
  });

  router.get("/clearing", librarian, (_req, res) => {
    res.json(clearing.progress);
  });

  return router;
}
