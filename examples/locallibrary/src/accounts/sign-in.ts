import type { Request } from "express";
import type { User } from "../database/schema.ts";
import { flash } from "../session/flash.ts";
import { deviceName } from "./device.ts";

/** Begins the session of a user who has proved to be it, for `expiry` seconds, or until the browser closes with 0. */
export function signIn(req: Request, user: User, expiry: number): void {
  const { session } = req;
  session.login(user.id, { label: deviceName(req) });
  session.setExpiry(expiry);
  // Behind a proxy, Express needs "trust proxy" to know the address.
  session.assign({ address: req.ip ?? "", seen_at: Date.now() });
  flash(session, "done", `Welcome, ${user.name}.`);
}
