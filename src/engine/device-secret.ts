import { randomBytes } from "node:crypto";
import type { ExtrasChange } from "../contract/record-data.ts";

/**
 * A login or confirmation gives the session its secret. A session whose key a request has shown keeps its own, and with it the key. Any
 * other gets a new one and is unbound: the answer to its registration may have been lost, and a copied cookie may have fetched an
 * offer, or registered a key by one.
 */
export const giveDeviceSecret: ExtrasChange = (there) => ({
  ...there,
  device: there.device?.since === undefined ? { s: randomBytes(32).toString("base64url") } : there.device,
});
