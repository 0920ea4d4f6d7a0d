import { Router } from "express";
import { preferencesForm } from "../forms/preferences-form.ts";
import { readForm } from "../forms/read-form.ts";
import { HttpError } from "../request/http-error.ts";
import { returnPath } from "../request/return-path.ts";
import { singleValue } from "../request/single-value.ts";
import { flash } from "../session/flash.ts";
import { pageSizes, perPage, themes } from "../session/preferences.ts";

export function preferenceRoutes(): Router {
  const router = Router();

  router.get("/", (req, res) => {
    res.render("preferences", { pageSizes, themes, perPage: perPage(req.session) });
  });

  router.post("/", (req, res) => {
    const { values, errors } = readForm(preferencesForm, req.body);
    // The page has nothing but radio buttons: who sends something else did not use it.
    if (errors) throw new HttpError(400, `No such preferences: ${JSON.stringify(errors)}`);
    req.session.assign({ per_page: values.perPage, theme: values.theme });
    flash(req.session, "done", "Your preferences were saved.");
    res.redirect(303, "/preferences/");
  });

  router.post("/notice/", (req, res) => {
    req.session.set("notice_dismissed", singleValue(req.body?.dismissed) === "yes");
    res.redirect(303, returnPath(singleValue(req.body?.next)));
  });

  return router;
}
