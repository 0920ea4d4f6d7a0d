import { hash } from "@node-rs/argon2";
import type { Sessions } from "coatcheck";
import { type RequestHandler, type Response, Router } from "express";
import { librarian, signedInForSecrets, userOf } from "../accounts/permissions.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { roles } from "../database/schema.ts";
import { passwordForm } from "../forms/password-form.ts";
import { type FieldErrors, readForm } from "../forms/read-form.ts";
import { userForm } from "../forms/user-form.ts";
import { countLoans } from "../queries/loans.ts";
import {
  countUsers,
  deleteUser,
  findUsers,
  takenFields,
  updateUser,
} from "../queries/user-administration.ts";
import { addUser, findUser } from "../queries/users.ts";
import { pageOf } from "../request/paging.ts";
import { idFrom, orNotFound } from "../request/rows.ts";
import { singleValue } from "../request/single-value.ts";
import { devicesOf } from "../session/devices.ts";
import { flash } from "../session/flash.ts";
import { enterForm } from "../session/sent-forms.ts";

const PATH = "/admin/users/";
const BLANK = { username: "", name: "", email: "", role: "reader", isActive: true };

/** Seconds. A librarian who changes accounts has given the password within this time. */
const RECENT_S = 5 * 60;

const SELF = "You cannot take your own rights away, nor remove yourself. Ask another librarian.";
const LAST = "There would be no librarian left, so nothing was changed.";
const refusals = {
  self: SELF,
  loans: "This user has books at home, so the account was not removed.",
  "last librarian": LAST,
};

const recentPassword: RequestHandler = (req, _res, next) => {
  req.session.requireRecent(RECENT_S);
  next();
};

/**
 * The accounts, for librarians. A user whose rights change, or who is barred or removed, is signed out everywhere. The
 * sessions end after the change: every request reads the user anew, so those that are left have lost the rights already.
 */
export function userAdministrationRoutes(database: LibraryDatabase, sessions: Sessions): Router {
  const router = Router();
  router.use("/create/", signedInForSecrets);
  router.use(librarian);

  const existing = (id: unknown) => orNotFound(findUser(database, idFrom(String(id))));

  router.get("/", (req, res) => {
    const search = singleValue(req.query.q) ?? "";
    const { perPage } = res.locals.choices.preferences;
    const page = pageOf(countUsers(database, search), perPage, singleValue(req.query.page));
    res.render("admin/users", { search, page, rows: findUsers(database, search, page) });
  });

  router.get("/create/", recentPassword, (_req, res) => showForm(res, null, BLANK));

  router.post("/create/", recentPassword, async (req, res) => {
    const { values, errors } = readForm(userForm, req.body);
    const secret = readForm(passwordForm, req.body);
    if (!values || !secret.values) {
      const taken = values && takenFields(database, values);
      return showForm(res, null, sentBack(req.body), { ...errors, ...secret.errors, ...taken });
    }
    const passwordHash = await hash(secret.values.fresh);
    // Before a name is called taken: after the first sending of a double click, the second finds its own there.
    if ((await enterForm(req)) !== "first") return res.redirect(303, PATH);
    const user = addUser(database, { ...values, passwordHash });
    if (!user) return showForm(res, null, sentBack(req.body), takenFields(database, values));
    flash(req.session, "done", `${user.name} has an account now.`);
    res.redirect(303, `${PATH}${user.id}/`);
  });

  router.get("/:id/", async (req, res) => {
    const account = existing(req.params.id);
    const devices = await devicesOf(sessions, account.id, req.session);
    const { all: loans } = countLoans(database, { borrowerId: account.id });
    res.render("admin/user", { account, devices, loans, isSelf: account.id === userOf(res).id });
  });

  router.get("/:id/update/", recentPassword, (req, res) => {
    const account = existing(req.params.id);
    showForm(res, account.id, account);
  });

  router.post("/:id/update/", recentPassword, async (req, res) => {
    const account = existing(req.params.id);
    const { values, errors } = readForm(userForm, req.body);
    const faults = errors ?? takenFields(database, values, account.id);
    if (!values || Object.keys(faults).length > 0)
      return showForm(res, account.id, sentBack(req.body), faults);
    const losesRights = values.role !== account.role || values.isActive !== account.isActive;
    if (losesRights && account.id === userOf(res).id) {
      flash(req.session, "refused", SELF);
    } else if (!updateUser(database, account.id, values)) {
      flash(req.session, "refused", LAST);
    } else {
      if (losesRights) await sessions.revokeUser(account.id);
      flash(req.session, "done", "Your changes were saved.");
    }
    res.redirect(303, `${PATH}${account.id}/`);
  });

  router.get("/:id/delete/", recentPassword, (req, res) => {
    const account = existing(req.params.id);
    const { all: loans } = countLoans(database, { borrowerId: account.id });
    res.render("admin/user-delete", { account, loans, isSelf: account.id === userOf(res).id });
  });

  router.post("/:id/delete/", recentPassword, async (req, res) => {
    const account = existing(req.params.id);
    const outcome = account.id === userOf(res).id ? "self" : deleteUser(database, account.id);
    if (outcome !== "removed") {
      flash(req.session, "refused", refusals[outcome]);
      return res.redirect(303, `${PATH}${account.id}/`);
    }
    await sessions.revokeUser(account.id);
    flash(req.session, "done", `The account of ${account.name} was removed, and signed out everywhere.`);
    res.redirect(303, PATH);
  });

  router.post("/:id/sign-out/", async (req, res) => {
    const { id, name } = existing(req.params.id);
    const ended = await sessions.revokeUser(id, { except: req.session.handle });
    flash(
      req.session,
      "done",
      `${name}: ${ended} ${ended === 1 ? "device was" : "devices were"} signed out.`,
    );
    res.redirect(303, `${PATH}${id}/`);
  });

  router.post("/:id/sessions/end/", async (req, res) => {
    const { id } = existing(req.params.id);
    const isEnded = await sessions.revoke(singleValue(req.body?.handle) ?? "", { userId: id });
    flash(
      req.session,
      isEnded ? "done" : "refused",
      isEnded ? "That device is signed out." : "That device was signed out already.",
    );
    res.redirect(303, `${PATH}${id}/`);
  });

  return router;
}

/** The fields of a form as they were typed. */
function sentBack(body: Record<string, unknown> | undefined) {
  return { ...BLANK, ...body, isActive: singleValue(body?.isActive) === "yes" };
}

function showForm(res: Response, id: number | null, values: object, errors: FieldErrors = {}): void {
  res.status(Object.keys(errors).length > 0 ? 422 : 200);
  res.render("admin/user-form", { id, values, roles, errors });
}
