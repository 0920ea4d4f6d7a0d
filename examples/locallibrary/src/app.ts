import type { Sessions } from "coatcheck";
import { session } from "coatcheck/express";
import express, { type Express } from "express";
import { refuseCrossSite } from "./cross-site.ts";
import type { LibraryDatabase } from "./database/open.ts";
import { errorPage } from "./error-page.ts";
import { notFound } from "./not-found.ts";
import { responseHeaders } from "./response-headers.ts";
import { accountRoutes } from "./routes/accounts.ts";
import { authorRoutes } from "./routes/authors.ts";
import { bookRoutes } from "./routes/books.ts";
import { genreRoutes } from "./routes/genres.ts";
import { homeRoutes } from "./routes/home.ts";
import { languageRoutes } from "./routes/languages.ts";
import { staticFiles } from "./static-files.ts";
import { useViews } from "./views.ts";
import { visitor } from "./visitor.ts";

export interface Library {
  database: LibraryDatabase;
  sessions: Sessions;
}

export function createApp({ database, sessions }: Library): Express {
  const app = express();
  app.disable("x-powered-by");
  useViews(app);

  app.use("/static", staticFiles);
  app.use(responseHeaders);
  app.use(refuseCrossSite);
  app.use(express.urlencoded({ extended: false, limit: "16kb" }));
  app.use(session(sessions));
  app.use(visitor(database));

  app.get("/", (_req, res) => res.redirect("/catalog/"));
  app.use("/catalog", homeRoutes(database));
  app.use("/catalog", bookRoutes(database));
  app.use("/catalog", authorRoutes(database));
  app.use("/catalog", genreRoutes(database));
  app.use("/catalog", languageRoutes(database));
  app.use("/accounts", accountRoutes(database));

  app.use(notFound);
  app.use(errorPage);
  return app;
}
