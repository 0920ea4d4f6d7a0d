import { randomUUID } from "node:crypto";
import { Router } from "express";
import { librarian } from "../accounts/permissions.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { copyForm, copyStatusForm } from "../forms/copy-form.ts";
import { readForm } from "../forms/read-form.ts";
import { findBook } from "../queries/books.ts";
import { addCopy, findCopy, removeCopy, setCopyStatus } from "../queries/copies.ts";
import { HttpError } from "../request/http-error.ts";
import { idFrom, orNotFound } from "../request/rows.ts";
import { flash } from "../session/flash.ts";
import { changeOnce } from "../session/sent-forms.ts";

export function copyRoutes(database: LibraryDatabase): Router {
  const router = Router();

  router.post("/book/:id/copies/", librarian, async (req, res) => {
    const book = orNotFound(findBook(database, idFrom(String(req.params.id))));
    const page = `/catalog/book/${book.id}`;
    const { values, errors } = readForm(copyForm, req.body);
    if (errors) {
      flash(req.session, "refused", `The copy was not added. Its imprint: ${errors.imprint}`);
      return res.redirect(303, page);
    }
    await changeOnce(req, res, page, () => {
      addCopy(database, { id: randomUUID(), bookId: book.id, status: "available", ...values });
      flash(req.session, "done", `A copy of “${book.title}” was added.`);
      return page;
    });
  });

  router.post("/copy/:id/status/", librarian, (req, res) => {
    const { copy, book } = orNotFound(findCopy(database, String(req.params.id)));
    const { values, errors } = readForm(copyStatusForm, req.body);
    if (errors) throw new HttpError(400, `No status to set: ${JSON.stringify(errors)}`);
    if (setCopyStatus(database, copy.id, values.status)) {
      const now = values.status === "available" ? "on the shelf" : "in maintenance";
      flash(req.session, "done", `The copy (${copy.imprint}) is ${now} now.`);
    } else {
      flash(req.session, "refused", "This copy is on loan. Take it back first.");
    }
    res.redirect(303, `/catalog/book/${book.id}`);
  });

  router.post("/copy/:id/delete/", librarian, (req, res) => {
    const { copy, book } = orNotFound(findCopy(database, String(req.params.id)));
    if (removeCopy(database, copy.id)) {
      flash(req.session, "done", `The copy (${copy.imprint}) was removed.`);
    } else {
      flash(req.session, "refused", "This copy is on loan, so it was not removed. Take it back first.");
    }
    res.redirect(303, `/catalog/book/${book.id}`);
  });

  return router;
}
