import { randomBytes } from "node:crypto";
import type { ExtrasChange } from "../contract/record-data.ts";

/** A login or confirmation gives the session its secret. A session that has one keeps it, and with it the device's key. */
export const giveDeviceSecret: ExtrasChange = (there) => ({
  ...there,
  device: there.device ?? { s: randomBytes(32).toString("base64url") },
});
