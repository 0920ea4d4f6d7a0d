import { Router } from "express";
import { pageSizes, themes } from "../choices/choices.ts";
import { preferencesForm } from "../forms/preferences-form.ts";
import { readForm } from "../forms/read-form.ts";
import { leadBack } from "../middleware/cookie-check.ts";
import { HttpError } from "../request/http-error.ts";
import { returnPath } from "../request/return-path.ts";
import { singleValue } from "../request/single-value.ts";
import { flash } from "../session/flash.ts";

export function preferenceRoutes(): Router {
  const router = Router();

  router.get("/", (_req, res) => {
    const { perPage } = res.locals.choices.preferences;
    res.render("preferences", { pageSizes, themes, perPage });
  });

  router.post("/", (req, res) => {
    const { values, errors } = readForm(preferencesForm, req.body);
    // The page has only radio buttons, so a browser cannot send anything else.
    if (errors) throw new HttpError(400, `No such preferences: ${JSON.stringify(errors)}`);
    res.locals.choices.prefer(values);
    flash(req.session, "done", "Your preferences were saved.");
    leadBack(req, res, "/preferences/");
  });

  router.post("/notice/", (req, res) => {
    res.locals.choices.prefer({ noticeDismissed: singleValue(req.body?.dismissed) === "yes" });
    leadBack(req, res, returnPath(singleValue(req.body?.next)));
  });

  return router;
}
