import { Router } from "express";
import { librarian, signedIn, userOf } from "../accounts/permissions.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { daysFromToday, today } from "../format/days.ts";
import { readForm } from "../forms/read-form.ts";
import { LONGEST_RENEWAL_DAYS, renewalForm } from "../forms/renewal-form.ts";
import { findCopy } from "../queries/copies.ts";
import { borrow, countLoans, findLoans, renew, takeBack } from "../queries/loans.ts";
import { pageOf } from "../request/paging.ts";
import { returnPath } from "../request/return-path.ts";
import { orNotFound } from "../request/rows.ts";
import { singleValue } from "../request/single-value.ts";
import { flash } from "../session/flash.ts";
import { changeOnce } from "../session/sent-forms.ts";

const LOAN_DAYS = 21;

export function loanRoutes(database: LibraryDatabase): Router {
  const router = Router();

  router.get("/mybooks/", signedIn, (req, res) => {
    const mine = { borrowerId: userOf(res).id };
    const counts = countLoans(database, mine);
    const page = pageOf(counts.all, res.locals.choices.preferences.perPage, singleValue(req.query.page));
    res.render("loans/my-books", { counts, page, loans: findLoans(database, mine, page), today: today() });
  });

  router.get("/borrowed/", librarian, (req, res) => {
    const counts = countLoans(database);
    const page = pageOf(counts.all, res.locals.choices.preferences.perPage, singleValue(req.query.page));
    res.render("loans/borrowed", { counts, page, loans: findLoans(database, {}, page), today: today() });
  });

  router.post("/copy/:id/borrow/", signedIn, async (req, res) => {
    const { copy, book } = orNotFound(findCopy(database, String(req.params.id)));
    const dueBack = daysFromToday(LOAN_DAYS);
    const page = `/catalog/book/${book.id}`;
    await changeOnce(req, res, page, () => {
      if (borrow(database, copy.id, userOf(res).id, dueBack)) {
        flash(req.session, "done", `“${book.title}” is yours to read. Bring it back by ${written(dueBack)}.`);
      } else {
        flash(req.session, "refused", `Somebody was quicker: this copy of “${book.title}” has just gone.`);
      }
      return page;
    });
  });

  router.post("/copy/:id/return/", signedIn, async (req, res) => {
    const { copy, book } = orNotFound(findCopy(database, String(req.params.id)));
    const { id, role } = userOf(res);
    const next = returnPath(singleValue(req.body?.next));
    await changeOnce(req, res, next, () => {
      if (takeBack(database, copy.id, role === "librarian" ? {} : { borrowerId: id })) {
        flash(req.session, "done", `“${book.title}” is back on the shelf. Thank you.`);
      } else {
        flash(req.session, "refused", `This copy of “${book.title}” is not out on loan to you.`);
      }
      return next;
    });
  });

  // As in the tutorial, the id after "book" is that of the copy.
  router.get("/book/:id/renew/", librarian, (req, res) => {
    const loan = orNotFound(findCopy(database, String(req.params.id)));
    res.render("loans/renew", {
      ...loan,
      dueBack: daysFromToday(LOAN_DAYS),
      latest: latest(),
      today: today(),
      errors: {},
    });
  });

  router.post("/book/:id/renew/", librarian, (req, res) => {
    const loan = orNotFound(findCopy(database, String(req.params.id)));
    const { values, errors } = readForm(renewalForm, req.body);
    if (errors) {
      const dueBack = singleValue(req.body?.dueBack) ?? "";
      res.status(422).render("loans/renew", { ...loan, dueBack, latest: latest(), today: today(), errors });
      return;
    }
    if (renew(database, loan.copy.id, values.dueBack)) {
      flash(req.session, "done", `“${loan.book.title}” is now due back on ${written(values.dueBack)}.`);
    } else {
      flash(req.session, "refused", `“${loan.book.title}” is not on loan, so there is nothing to renew.`);
    }
    res.redirect(303, "/catalog/borrowed/");
  });

  return router;
}

const latest = () => daysFromToday(LONGEST_RENEWAL_DAYS);

/** A day in words, as "31 May 2026". */
function written(day: string): string {
  return new Date(day).toLocaleDateString("en-GB", { dateStyle: "long", timeZone: "UTC" });
}
