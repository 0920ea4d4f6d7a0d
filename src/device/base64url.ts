/** The bytes of a base64url text (RFC 4648, 5); null for any text that is not their one canonical form. */
export function fromBase64url(text: unknown): Buffer | null {
  if (typeof text !== "string" || text === "") return null;
  // Buffer skips what it does not know, and ignores bits that are left over: only the way back shows it.
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : null;
}
