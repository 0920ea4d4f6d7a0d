import type { Sessions } from "coatcheck";
import { session } from "coatcheck/express";
import express, { type Express } from "express";
import type { LibraryDatabase } from "./database/open.ts";
import { refuseCrossSite } from "./middleware/cross-site.ts";
import { errorPage } from "./middleware/error-page.ts";
import { loadSession, needsSession } from "./middleware/load-session.ts";
import { notFound } from "./middleware/not-found.ts";
import { responseHeaders } from "./middleware/response-headers.ts";
import { staticFiles } from "./middleware/static-files.ts";
import { visitor } from "./middleware/visitor.ts";
import { accountRoutes } from "./routes/accounts.ts";
import { authorEditingRoutes } from "./routes/author-editing.ts";
import { authorRoutes } from "./routes/authors.ts";
import { bookEditingRoutes } from "./routes/book-editing.ts";
import { bookRoutes } from "./routes/books.ts";
import { copyRoutes } from "./routes/copies.ts";
import { genreRoutes } from "./routes/genres.ts";
import { homeRoutes } from "./routes/home.ts";
import { languageRoutes } from "./routes/languages.ts";
import { loanRoutes } from "./routes/loans.ts";
import { passwordRoutes } from "./routes/password.ts";
import { preferenceRoutes } from "./routes/preferences.ts";
import { readingListRoutes } from "./routes/reading-list.ts";
import { sessionDashboardRoutes } from "./routes/session-dashboard.ts";
import { sessionInspectorRoutes } from "./routes/session-inspector.ts";
import { userSessionRoutes } from "./routes/user-sessions.ts";
import { LastRequests } from "./session/last-request.ts";
import type { SessionStore } from "./session/store.ts";
import { useViews } from "./views.ts";

export interface Library {
  database: LibraryDatabase;
  sessions: Sessions;
  sessionStore: SessionStore;
}

export function createApp({ database, sessions, sessionStore }: Library): Express {
  const app = express();
  app.disable("x-powered-by");
  useViews(app);

  app.use("/static", staticFiles);
  app.use(responseHeaders);
  app.use(refuseCrossSite);
  app.use(express.urlencoded({ extended: false, limit: "16kb" }));
  app.use(session(sessions));
  app.use(loadSession);
  const lastRequests = new LastRequests();
  app.use(lastRequests.watch);
  app.use(visitor(database));

  // The catalog, and nothing else, is shown also while the sessions' store is away.
  app.use(["/accounts", "/preferences", "/session", "/librarian"], needsSession);

  app.get("/", (_req, res) => res.redirect("/catalog/"));
  app.use("/catalog", homeRoutes(database));
  app.use("/catalog", loanRoutes(database));
  // Before the books and authors themselves: "create" is no id.
  app.use("/catalog", bookEditingRoutes(database));
  app.use("/catalog", authorEditingRoutes(database));
  app.use("/catalog", copyRoutes(database));
  app.use("/catalog", readingListRoutes(database));
  app.use("/catalog", bookRoutes(database));
  app.use("/catalog", authorRoutes(database));
  app.use("/catalog", genreRoutes(database));
  app.use("/catalog", languageRoutes(database));
  app.use("/accounts", accountRoutes(database));
  app.use("/accounts", passwordRoutes(database, sessions));
  app.use("/accounts", userSessionRoutes(sessions));
  app.use("/preferences", preferenceRoutes());
  app.use("/session", sessionInspectorRoutes(sessionStore.store, lastRequests));
  app.use("/librarian/sessions", sessionDashboardRoutes(database, sessions, sessionStore));

  app.use(notFound);
  app.use(errorPage);
  return app;
}
