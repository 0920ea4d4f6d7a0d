import { type Response, Router } from "express";
import { librarian } from "../accounts/permissions.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { authorForm } from "../forms/author-form.ts";
import { readForm } from "../forms/read-form.ts";
import { createAuthor, deleteAuthor, updateAuthor } from "../queries/author-writing.ts";
import { findAuthor } from "../queries/authors.ts";
import { countBooks } from "../queries/books.ts";
import { idFrom, orNotFound } from "../request/rows.ts";
import { flash } from "../session/flash.ts";
import { changeOnce } from "../session/sent-forms.ts";

const BLANK = { firstName: "", lastName: "", born: null, died: null };

export function authorEditingRoutes(database: LibraryDatabase): Router {
  const router = Router();

  const existing = (id: unknown) => orNotFound(findAuthor(database, idFrom(String(id))));

  router.get("/author/create/", librarian, (_req, res) => {
    showForm(res, null, BLANK);
  });

  router.post("/author/create/", librarian, async (req, res) => {
    const { values, errors } = readForm(authorForm, req.body);
    if (errors) return showForm(res, null, req.body, errors);
    await changeOnce(req, res, "/catalog/authors/", () => {
      const id = createAuthor(database, values);
      flash(req.session, "done", "The author was added.");
      return `/catalog/author/${id}`;
    });
  });

  router.get("/author/:id/update/", librarian, (req, res) => {
    const author = existing(req.params.id);
    showForm(res, author.id, author);
  });

  router.post("/author/:id/update/", librarian, (req, res) => {
    const { id } = existing(req.params.id);
    const { values, errors } = readForm(authorForm, req.body);
    if (errors) return showForm(res, id, req.body, errors);
    updateAuthor(database, id, values);
    flash(req.session, "done", "Your changes were saved.");
    res.redirect(303, `/catalog/author/${id}`);
  });

  router.get("/author/:id/delete/", librarian, (req, res) => {
    const author = existing(req.params.id);
    res.render("authors/delete", { author, books: countBooks(database, { authorId: author.id }) });
  });

  router.post("/author/:id/delete/", librarian, (req, res) => {
    const { id } = existing(req.params.id);
    if (deleteAuthor(database, id)) {
      flash(req.session, "done", "The author was removed.");
      res.redirect(303, "/catalog/authors/");
    } else {
      flash(
        req.session,
        "refused",
        "There are books by this author, so nothing was removed. Remove the books first.",
      );
      res.redirect(303, `/catalog/author/${id}`);
    }
  });

  return router;
}

function showForm(res: Response, id: number | null, given: object = {}, errors = {}): void {
  res.status(Object.keys(errors).length > 0 ? 422 : 200);
  res.render("authors/form", { id, values: { ...BLANK, ...given }, errors });
}
