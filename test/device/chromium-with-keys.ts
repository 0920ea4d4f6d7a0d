/** Chromium as it binds sessions: with keys in software, and a certificate that it is told to trust. */
import { createHash, X509Certificate } from "node:crypto";
import { type Browser, chromium } from "playwright-core";
import { selfMadeCertificate } from "../instruments/self-made-certificate.ts";
import { chromiumArgs, chromiumPath } from "../servers/chromium.ts";

/** With `ignoreHTTPSErrors` Chromium would not bind, and not say so. */
function trusted(): string {
  const { publicKey } = new X509Certificate(selfMadeCertificate().cert);
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");
}

const features = ["DeviceBoundSessions", "EnableBoundSessionCredentialsSoftwareKeysForManualTesting"];

/** A browser for all tests of a file. Its contexts have cookies and keys of their own. */
export const launchWithKeys = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath(),
    args: [
      ...chromiumArgs,
      `--enable-features=${features.join(",")}`,
      "--host-resolver-rules=MAP *.example 127.0.0.1",
      `--ignore-certificate-errors-spki-list=${trusted()}`,
    ],
  });
