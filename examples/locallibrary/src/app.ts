import type { Sessions } from "coatcheck";
import { session } from "coatcheck/express";
import express, { type Express, Router } from "express";
import type { LibraryDatabase } from "./database/open.ts";
import { askForPassword } from "./middleware/confirmation.ts";
import { cookieCheck } from "./middleware/cookie-check.ts";
import { refuseCrossSite } from "./middleware/cross-site.ts";
import { errorPage } from "./middleware/error-page.ts";
import { loadSession, needsSession } from "./middleware/load-session.ts";
import { notFound } from "./middleware/not-found.ts";
import { responseHeaders } from "./middleware/response-headers.ts";
import { staticFiles } from "./middleware/static-files.ts";
import { tour } from "./middleware/tour.ts";
import { visitor } from "./middleware/visitor.ts";
import { accountRoutes } from "./routes/accounts.ts";
import { administrationRoutes } from "./routes/administration.ts";
import { authorEditingRoutes } from "./routes/author-editing.ts";
import { authorRoutes } from "./routes/authors.ts";
import { bookEditingRoutes } from "./routes/book-editing.ts";
import { bookRoutes } from "./routes/books.ts";
import { confirmationRoutes } from "./routes/confirmation.ts";
import { copyRoutes } from "./routes/copies.ts";
import { docsRoutes } from "./routes/docs.ts";
import { genreRoutes } from "./routes/genres.ts";
import { homeRoutes } from "./routes/home.ts";
import { languageRoutes } from "./routes/languages.ts";
import { loanRoutes } from "./routes/loans.ts";
import { outboxRoutes } from "./routes/outbox.ts";
import { passwordRoutes } from "./routes/password.ts";
import { passwordResetRoutes } from "./routes/password-reset.ts";
import { preferenceRoutes } from "./routes/preferences.ts";
import { readingListRoutes } from "./routes/reading-list.ts";
import { sessionDashboardRoutes } from "./routes/session-dashboard.ts";
import { sessionInspectorRoutes } from "./routes/session-inspector.ts";
import { signUpRoutes } from "./routes/sign-up.ts";
import { stillSignedInRoutes } from "./routes/still-signed-in.ts";
import { tourRoutes } from "./routes/tour.ts";
import { userSessionRoutes } from "./routes/user-sessions.ts";
import { LastRequests } from "./session/last-request.ts";
import type { SessionStore } from "./session/store.ts";
import type { Outages } from "./tour/outages.ts";
import { useViews } from "./views.ts";

export interface Library {
  database: LibraryDatabase;
  sessions: Sessions;
  sessionStore: SessionStore;
  /** The proxy says whether the browser came over https. */
  isBehindProxy?: boolean;
  /** What only a demo has: the guided tour with its switch for the store, and letters that go to an outbox. */
  demo?: Demo;
}

export interface Demo {
  /** Stands around the store of `sessions`. */
  outages: Outages;
  /** The address of the site, for the links in letters. Never taken from a request: a stranger chooses its `Host`. */
  siteUrl: () => string;
}

export function createApp(library: Library): Express {
  const app = express();
  app.disable("x-powered-by");
  if (library.isBehindProxy) app.set("trust proxy", 1);
  useViews(app);
  app.locals.isDemo = library.demo !== undefined;

  app.use("/static", staticFiles);
  app.use(responseHeaders);
  app.use(refuseCrossSite);
  app.use(cookieCheck);
  app.use(express.urlencoded({ extended: false, limit: "16kb" }));
  app.use(session(library.sessions));
  app.use(loadSession);
  // Before what takes each request for a visit: a stream is none.
  app.use("/accounts/still-signed-in", needsSession, stillSignedInRoutes(library.sessions));
  const lastRequests = new LastRequests();
  app.use(lastRequests.watch);
  app.use(siteRoutes(library, lastRequests));
  app.use(notFound);
  app.use(askForPassword);
  app.use(errorPage);
  return app;
}

function siteRoutes({ database, sessions, sessionStore, demo }: Library, lastRequests: LastRequests): Router {
  const routes = Router();
  routes.use(visitor(database));
  if (demo) routes.use(tour(demo.outages));
  // While the sessions' store is away, only the catalog can be read.
  routes.use(["/accounts", "/preferences", "/session", "/librarian", "/admin", "/tour"], needsSession);

  routes.get("/", (_req, res) => res.redirect("/catalog/"));
  routes.use("/catalog", homeRoutes(database));
  routes.use("/catalog", loanRoutes(database));
  // Before the pages of books and authors, whose addresses would take "create" for an id.
  routes.use("/catalog", bookEditingRoutes(database));
  routes.use("/catalog", authorEditingRoutes(database));
  routes.use("/catalog", copyRoutes(database));
  routes.use("/catalog", readingListRoutes(database));
  routes.use("/catalog", bookRoutes(database));
  routes.use("/catalog", authorRoutes(database));
  routes.use("/catalog", genreRoutes(database));
  routes.use("/catalog", languageRoutes(database));
  routes.use("/accounts", accountRoutes(database, sessions, routes));
  routes.use("/accounts", confirmationRoutes(database));
  routes.use("/accounts", passwordRoutes(database, sessions));
  routes.use("/accounts", userSessionRoutes(sessions));
  routes.use("/preferences", preferenceRoutes());
  routes.use("/session", sessionInspectorRoutes(lastRequests));
  routes.use("/admin", administrationRoutes(database, sessions));
  routes.use("/librarian/sessions", sessionDashboardRoutes(database, sessions, sessionStore));
  if (demo) {
    routes.use("/tour", tourRoutes(sessions, demo.outages));
    routes.use("/docs", docsRoutes());
    routes.use("/accounts", passwordResetRoutes(database, sessions, demo.siteUrl));
    routes.use("/accounts", signUpRoutes(database, demo.siteUrl));
    routes.use("/outbox", outboxRoutes(database));
  }
  return routes;
}
