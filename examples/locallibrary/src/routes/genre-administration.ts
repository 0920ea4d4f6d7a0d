import { type Response, Router } from "express";
import { librarian } from "../accounts/permissions.ts";
import { fold } from "../database/fold.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { genreForm } from "../forms/genre-form.ts";
import { type FieldErrors, readForm } from "../forms/read-form.ts";
import { countBooks } from "../queries/books.ts";
import { createGenre, deleteGenre, isGenreTaken, updateGenre } from "../queries/genre-writing.ts";
import { findGenre, findGenres } from "../queries/genres.ts";
import { idFrom, orNotFound } from "../request/rows.ts";
import { singleValue } from "../request/single-value.ts";
import { flash } from "../session/flash.ts";
import { changeOnce } from "../session/sent-forms.ts";

const PATH = "/admin/genres/";
const TAKEN = { name: "There is a genre of this name already." };

export function genreAdministrationRoutes(database: LibraryDatabase): Router {
  const router = Router();
  router.use(librarian);

  const existing = (id: string) => orNotFound(findGenre(database, idFrom(id)));

  router.get("/", (req, res) => {
    const search = singleValue(req.query.q)?.trim() ?? "";
    const genres = findGenres(database).filter(({ name }) => fold(name).includes(fold(search)));
    res.render("admin/genres", { search, genres });
  });

  router.get("/create/", (_req, res) => showForm(res, null, ""));

  router.post("/create/", async (req, res) => {
    const { values, errors } = readForm(genreForm, req.body);
    if (errors) return showForm(res, null, req.body?.name, errors);
    await changeOnce(req, res, PATH, () => {
      if (isGenreTaken(database, values.name)) {
        flash(req.session, "refused", `${TAKEN.name} Nothing was added.`);
        return PATH;
      }
      createGenre(database, values.name);
      flash(req.session, "done", `The genre “${values.name}” was added.`);
      return PATH;
    });
  });

  router.get("/:id/update/", (req, res) => {
    const { id, name } = existing(req.params.id);
    showForm(res, id, name);
  });

  router.post("/:id/update/", (req, res) => {
    const { id } = existing(req.params.id);
    const { values, errors } = readForm(genreForm, req.body);
    if (errors) return showForm(res, id, req.body?.name, errors);
    if (isGenreTaken(database, values.name, id)) return showForm(res, id, values.name, TAKEN);
    updateGenre(database, id, values.name);
    flash(req.session, "done", "Your changes were saved.");
    res.redirect(303, PATH);
  });

  router.get("/:id/delete/", (req, res) => {
    const genre = existing(req.params.id);
    res.render("admin/genre-delete", { genre, books: countBooks(database, { genreId: genre.id }) });
  });

  router.post("/:id/delete/", (req, res) => {
    const { id, name } = existing(req.params.id);
    if (deleteGenre(database, id)) flash(req.session, "done", `The genre “${name}” was removed.`);
    else flash(req.session, "refused", `There are books of the genre “${name}”, so it was not removed.`);
    res.redirect(303, PATH);
  });

  return router;
}

function showForm(res: Response, id: number | null, name: unknown, errors: FieldErrors = {}): void {
  res.status(Object.keys(errors).length > 0 ? 422 : 200);
  res.render("admin/genre-form", { id, name: name ?? "", errors });
}
