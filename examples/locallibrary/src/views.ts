import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Express } from "express";
import { Liquid } from "liquidjs";
import { ago } from "./format/ago.ts";
import { remaining } from "./format/remaining.ts";
import { staticUrl } from "./middleware/static-files.ts";

const VIEWS = join(import.meta.dirname, "../views");

/** Makes LiquidJS the application's template engine. Values are escaped, and a missing variable is an error. */
export function useViews(app: Express): void {
  const liquid = new Liquid({
    root: VIEWS,
    extname: ".liquid",
    cache: true,
    outputEscape: "escape",
    strictFilters: true,
    strictVariables: true,
    lenientIf: true,
    // Due dates are days in UTC: an offset of the local time could show the day before.
    timezoneOffset: 0,
  });

  liquid.registerFilter("ago", ago);
  liquid.registerFilter("counted", counted);
  liquid.registerFilter("full_name", fullName);
  liquid.registerFilter("lifespan", lifespan);
  liquid.registerFilter("new_token", () => randomUUID());
  liquid.registerFilter("remaining", remaining);

  // Defaults of the variables that every page needs, for error pages that are shown before the session was read.
  Object.assign(app.locals, {
    stylesheets: {
      library: staticUrl("library.css"),
      sessions: staticUrl("sessions.css"),
      print: staticUrl("print.css"),
      tour: staticUrl("tour.css"),
    },
    icon: staticUrl("icon.svg"),
    scripts: {
      clearing: staticUrl("clearing.js"),
      countdown: staticUrl("countdown.js"),
      sentOnce: staticUrl("sent-once.js"),
      stillSignedIn: staticUrl("still-signed-in.js"),
    },
    user: null,
    isVisitorKnown: false,
    isSessionAway: false,
    lacksCookies: false,
    path: null,
    here: "/catalog/",
    returnTo: null,
    theme: "auto",
    noticeDismissed: true,
    readingListSize: 0,
    flashes: [],
    isDemo: false,
    tour: null,
  });

  app.engine("liquid", liquid.express());
  app.set("view engine", "liquid");
  app.set("views", VIEWS);
}

/** A number with its noun: "1 time", "2 times". */
function counted(number: number, noun: string): string {
  const plural = noun.endsWith("y") ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${number} ${number === 1 ? noun : plural}`;
}

function fullName({ firstName, lastName }: { firstName: string; lastName: string }): string {
  return `${firstName} ${lastName}`.trim();
}

function lifespan({ born, died }: { born: number | null; died: number | null }): string {
  return born === null && died === null ? "dates unknown" : `${born ?? "?"}–${died ?? ""}`;
}
