import { StoreUnavailableError } from "coatcheck";
import type { RequestHandler } from "express";

declare global {
  namespace Express {
    interface Locals {
      /** Why the session could not be read. */
      storeError?: StoreUnavailableError;
    }
  }
}

/**
 * Reads the session. Where the store is away, the request goes on without it (the sessions are `lazy`): the catalog can be
 * read without a session. Routes that need one come after `needsSession`.
 */
export const loadSession: RequestHandler = async (req, res, next) => {
  try {
    await req.session.load();
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    res.locals.storeError = error;
  }
  next();
};

/** Answers 503 where the session could not be read. */
export const needsSession: RequestHandler = (_req, res, next) => {
  if (res.locals.storeError) throw res.locals.storeError;
  next();
};
