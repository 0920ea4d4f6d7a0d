import { createHash, randomBytes } from "node:crypto";
import { and, eq, gt, lt } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { mailTokens } from "../database/schema.ts";

const VALID_MS = 60 * 60_000;

export type Purpose = "reset" | "sign up";

/** Makes a token for a link in a letter to this address: 256 random bits, good for an hour. Only its hash is kept. */
export function makeToken(database: LibraryDatabase, purpose: Purpose, email: string): string {
  const token = randomBytes(32).toString("base64url");
  const now = Date.now();
  database.delete(mailTokens).where(lt(mailTokens.expiresAt, now)).run();
  database
    .insert(mailTokens)
    .values({ hash: hashOf(token), purpose, email, expiresAt: now + VALID_MS })
    .run();
  return token;
}

export function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** The address to which the letter with this token went; undefined when the token is unknown, used or too old. */
export function addressOf(
  database: Pick<LibraryDatabase, "select">,
  purpose: Purpose,
  hash: string | undefined,
): string | undefined {
  if (hash === undefined) return undefined;
  return database.select().from(mailTokens).where(isGood(purpose, hash)).get()?.email;
}

/**
 * Uses a token up, with all others for the same address and purpose. Returns false, and changes nothing, when another
 * request was quicker. Run it in the transaction of the change that the token allows.
 */
export function takeToken(
  database: Pick<LibraryDatabase, "delete">,
  purpose: Purpose,
  hash: string,
): boolean {
  const taken = database.delete(mailTokens).where(isGood(purpose, hash)).returning().get();
  if (!taken) return false;
  withdrawTokens(database, purpose, taken.email);
  return true;
}

/** Makes the links worthless that went to this address. */
export function withdrawTokens(
  database: Pick<LibraryDatabase, "delete">,
  purpose: Purpose,
  email: string,
): void {
  database
    .delete(mailTokens)
    .where(and(eq(mailTokens.email, email), eq(mailTokens.purpose, purpose)))
    .run();
}

function isGood(purpose: Purpose, hash: string) {
  return and(
    eq(mailTokens.hash, hash),
    eq(mailTokens.purpose, purpose),
    gt(mailTokens.expiresAt, Date.now()),
  );
}
