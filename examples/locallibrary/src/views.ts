import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Express } from "express";
import { Liquid } from "liquidjs";
import { ago } from "./format/ago.ts";
import { remaining } from "./format/remaining.ts";
import { staticUrl } from "./middleware/static-files.ts";

const VIEWS = join(import.meta.dirname, "../views");

/** LiquidJS as the application's template engine. Values are escaped, and a name that was not given is an error. */
export function useViews(app: Express): void {
  const liquid = new Liquid({
    root: VIEWS,
    extname: ".liquid",
    cache: true,
    outputEscape: "escape",
    strictFilters: true,
    strictVariables: true,
    lenientIf: true,
    // Due dates are days without a time, which a local offset would move.
    timezoneOffset: 0,
  });

  liquid.registerFilter("ago", ago);
  liquid.registerFilter("counted", counted);
  liquid.registerFilter("full_name", fullName);
  liquid.registerFilter("lifespan", lifespan);
  liquid.registerFilter("new_token", () => randomUUID());
  liquid.registerFilter("remaining", remaining);

  // What every page needs to know. An error page that is shown before the session was read keeps these values.
  Object.assign(app.locals, {
    stylesheets: {
      library: staticUrl("library.css"),
      sessions: staticUrl("sessions.css"),
      print: staticUrl("print.css"),
    },
    icon: staticUrl("icon.svg"),
    scripts: { countdown: staticUrl("countdown.js"), clearing: staticUrl("clearing.js") },
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
  });

  app.engine("liquid", liquid.express());
  app.set("view engine", "liquid");
  app.set("views", VIEWS);
}

/** "1 time", "2 times". */
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
