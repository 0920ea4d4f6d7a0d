import type { Request, Response } from "express";
import { countAttempt, secondsUntilFree } from "../accounts/attempts.ts";
import type { LibraryDatabase } from "../database/open.ts";

/** Letters within a quarter of an hour: so many to one e-mail address, and so many asked for from one network address. */
const limits = { email: 3, address: 20 };

/** The seconds that this visitor has to wait before asking for another letter; else 0. */
export function secondsToWait(database: LibraryDatabase, req: Request): number {
  return secondsUntilFree(database, [fromHere(req)]);
}

/**
 * Writes a letter after the response has left, unless this address has had too many. The answer, and the time it takes,
 * are therefore the same whether the address is known or not (OWASP, Forgot Password).
 */
export function writeLater(
  database: LibraryDatabase,
  req: Request,
  res: Response,
  email: string,
  write: () => void,
): void {
  const toAddress = { subject: `letters to:${email}`, limit: limits.email };
  const isTooMany = secondsUntilFree(database, [toAddress]) > 0;
  countAttempt(database, [toAddress, fromHere(req)]);
  if (isTooMany) return;
  res.once("close", () => {
    try {
      write();
    } catch (error) {
      console.error("A letter could not be written.", error);
    }
  });
}

function fromHere(req: Request) {
  return { subject: `letters from:${req.ip ?? ""}`, limit: limits.address };
}
