import type { Sessions } from "coatcheck";
import { Router } from "express";
import { librarian } from "../accounts/permissions.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { countHoldings } from "../queries/holdings.ts";
import { countUsers } from "../queries/user-administration.ts";
import { genreAdministrationRoutes } from "./genre-administration.ts";
import { userAdministrationRoutes } from "./user-administration.ts";

export function administrationRoutes(database: LibraryDatabase, sessions: Sessions): Router {
  const router = Router();

  router.get("/", librarian, (_req, res) => {
    res.render("admin/administration", {
      users: countUsers(database, ""),
      genres: countHoldings(database).genres,
    });
  });

  router.use("/users", userAdministrationRoutes(database, sessions));
  router.use("/genres", genreAdministrationRoutes(database));
  return router;
}
