import { fileURLToPath } from "node:url";
import { ask } from "./ask.ts";
import { findOrInstall } from "./find.ts";
import type { ServerKind } from "./server.ts";

/** Django's SECRET_KEY on the sites that the tests start. */
export const SITE_SECRET = "the secret key of the test site, which nobody else uses";

export interface SiteOptions {
  /** `sqlite:///path`, `postgres://…` or `mysql://…`: an empty database, in which the site makes its tables. */
  readonly database: string;
  /** TIME_ZONE where USE_TZ is off. */
  readonly timeZone?: string;
  /** SESSION_COOKIE_AGE, seconds. */
  readonly cookieAge?: number;
}

const folder = fileURLToPath(new URL("../django/site", import.meta.url));
const PYTHON = "/usr/bin/python3";
const modules = { django: "python3-django", psycopg2: "python3-psycopg2", MySQLdb: "python3-mysqldb" };

/** Installs what is missing of Debian's Django and its database drivers. */
export function installDjango(): void {
  for (const [program, debianPackage] of Object.entries(modules))
    findOrInstall({ program, debianPackage, folders: ["/usr/lib/python3/dist-packages"] });
}

/** Debian's Django under gunicorn, with the users "ann" and "bob". */
export function djangoSite({ database, timeZone, cookieAge }: SiteOptions): ServerKind {
  const environment = Object.entries({
    PYTHONDONTWRITEBYTECODE: "1",
    SITE_SECRET,
    SITE_DATABASE: database,
    ...(timeZone !== undefined && { SITE_USE_TZ: "off", SITE_TIME_ZONE: timeZone }),
    ...(cookieAge !== undefined && { SITE_COOKIE_AGE: String(cookieAge) }),
  }).map(([name, value]) => `${name}=${value}`);
  return {
    name: "django",
    variable: "TEST_DJANGO_URL",
    program: "gunicorn",
    debianPackage: "gunicorn",
    folders: ["/usr/bin"],
    // To gunicorn it means: end now, with your workers.
    crashSignal: "SIGQUIT",
    prepare() {
      installDjango();
      return ["env", ...environment, PYTHON, `${folder}/django_site.py`, "migrate", "--verbosity=0"];
    },
    args: (_folder, port) => [
      `--bind=127.0.0.1:${port}`,
      `--chdir=${folder}`,
      "--threads=8",
      ...environment.map((pair) => `--env=${pair}`),
      "django_site:application",
    ],
    url: (port) => `http://127.0.0.1:${port}`,
    ready: async (port) =>
      / 200 /.test((await ask(port, "GET /do/ HTTP/1.0\r\n\r\n")).toString("latin1", 0, 20)),
  };
}
