import { type Response, Router } from "express";
import { librarian } from "../accounts/permissions.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { bookForm } from "../forms/book-form.ts";
import { readForm } from "../forms/read-form.ts";
import { createBook, deleteBook, faultsOf, findChoices, updateBook } from "../queries/book-writing.ts";
import { findBook } from "../queries/books.ts";
import { idFrom, orNotFound } from "../request/rows.ts";
import { flash } from "../session/flash.ts";
import { changeOnce } from "../session/sent-forms.ts";

const BLANK = {
  title: "",
  authorId: null,
  languageId: null,
  published: null,
  summary: "",
  isbn: null,
  genreIds: [],
};

export function bookEditingRoutes(database: LibraryDatabase): Router {
  const router = Router();

  const existing = (id: unknown) => orNotFound(findBook(database, idFrom(String(id))));

  /** The fields of the form that was sent; undefined where they have errors, and the form has been shown again. */
  const fieldsOr = (res: Response, id: number | null, body: unknown) => {
    const { values, errors } = readForm(bookForm, body);
    const faults = errors ?? faultsOf(database, values, id ?? undefined);
    if (values && Object.keys(faults).length === 0) return values;
    res.status(422);
    showForm(res, id, body, faults);
    return undefined;
  };

  const showForm = (res: Response, id: number | null, given: unknown, errors = {}) => {
    const values = { ...BLANK, ...(given as object) };
    // The page compares these with the ids that it offers. Both are texts, as forms send them.
    const genreIds = [values.genreIds].flat().map(String);
    const chosen = { authorId: String(values.authorId), languageId: String(values.languageId), genreIds };
    res.render("books/form", { id, values, chosen, errors, choices: findChoices(database) });
  };

  router.get("/book/create/", librarian, (req, res) => {
    showForm(res, null, { authorId: req.query.author });
  });

  router.post("/book/create/", librarian, async (req, res) => {
    const fields = fieldsOr(res, null, req.body);
    if (!fields) return;
    await changeOnce(req, res, "/catalog/books/", () => {
      const id = createBook(database, fields);
      flash(req.session, "done", `“${fields.title}” was added. Now add its copies.`);
      return `/catalog/book/${id}`;
    });
  });

  router.get("/book/:id/update/", librarian, (req, res) => {
    const book = existing(req.params.id);
    showForm(res, book.id, { ...book, genreIds: book.genres.map(({ id }) => id) });
  });

  router.post("/book/:id/update/", librarian, (req, res) => {
    const { id } = existing(req.params.id);
    const fields = fieldsOr(res, id, req.body);
    if (!fields) return;
    updateBook(database, id, fields);
    flash(req.session, "done", "Your changes were saved.");
    res.redirect(303, `/catalog/book/${id}`);
  });

  router.get("/book/:id/delete/", librarian, (req, res) => {
    res.render("books/delete", { book: existing(req.params.id) });
  });

  router.post("/book/:id/delete/", librarian, (req, res) => {
    const { id, title } = existing(req.params.id);
    if (deleteBook(database, id)) {
      flash(req.session, "done", `“${title}” was removed, with its copies.`);
      res.redirect(303, "/catalog/books/");
    } else {
      flash(
        req.session,
        "refused",
        `A copy of “${title}” is on loan, so nothing was removed. Wait until it is back.`,
      );
      res.redirect(303, `/catalog/book/${id}`);
    }
  });

  return router;
}
