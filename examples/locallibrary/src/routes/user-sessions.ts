import type { Sessions } from "coatcheck";
import { Router } from "express";
import { signedIn, userOf } from "../accounts/permissions.ts";
import { singleValue } from "../request/single-value.ts";
import { devicesOf } from "../session/devices.ts";
import { flash } from "../session/flash.ts";
import { passStop } from "../tour/tour.ts";

const PATH = "/accounts/sessions/";

/** The page "Your sessions": lists the devices on which the user is signed in, and signs them out. */
export function userSessionRoutes(sessions: Sessions): Router {
  const router = Router();

  router.get("/sessions/", signedIn, async (req, res) => {
    const devices = await devicesOf(sessions, userOf(res).id, req.session);
    res.render("accounts/sessions", { devices });
  });

  router.post("/sessions/end/", signedIn, async (req, res) => {
    const handle = singleValue(req.body?.handle) ?? "";
    // The user id comes from the session and never from the form, so a user cannot end the session of another.
    if (await sessions.revoke(handle, { userId: userOf(res).id })) {
      flash(req.session, "done", "That device is signed out.");
      passStop(req.session, "device");
    } else {
      flash(req.session, "refused", "That device was signed out already.");
    }
    res.redirect(303, PATH);
  });

  router.post("/sessions/end-others/", signedIn, async (req, res) => {
    const ended = await sessions.revokeUser(userOf(res).id, { except: req.session.handle });
    const devices = ended === 1 ? "1 other device was" : `${ended} other devices were`;
    flash(req.session, "done", `${devices} signed out.`);
    if (ended > 0) passStop(req.session, "device");
    res.redirect(303, PATH);
  });

  return router;
}
