import { randomBytes } from "node:crypto";
import type { ExtrasChange } from "../contract/record-data.ts";

/**
 * A login or confirmation gives the session its secret. A session that is bound keeps its own, and with it the device's key. One that
 * is unbound gets a new one, which voids the offers that went out before: a copied cookie may have fetched one.
 */
export const giveDeviceSecret: ExtrasChange = (there) => ({
  ...there,
  device: there.device?.k === undefined ? { s: randomBytes(32).toString("base64url") } : there.device,
});
