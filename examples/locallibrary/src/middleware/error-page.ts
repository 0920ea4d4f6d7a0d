import type { ErrorRequestHandler } from "express";
import type { ErrorWords } from "../request/http-error.ts";

const pages: Record<number, ErrorWords> = {
  400: {
    title: "We could not read that",
    advice: "The request was incomplete or garbled. Go back and try it once more.",
  },
  403: {
    title: "Behind the desk",
    advice:
      "This page is for librarians only. If you are one, sign out and come in with your librarian's account.",
  },
  404: {
    title: "Not on our shelves",
    advice: "There is no page at this address. It may have moved, or the link has a slip of the pen in it.",
  },
  413: {
    title: "Too much to carry",
    advice: "The form was larger than anything this library asks for. Shorten it and send it again.",
  },
  500: {
    title: "Something fell off a shelf",
    advice: "That was our fault, and nothing was changed. Try again; if it happens twice, tell a librarian.",
  },
  503: {
    title: "Closed for a moment",
    advice: "The library cannot reach its records just now. Wait a little and load the page again.",
  },
};

/** Answers every error with the page of its status. The error itself goes to the log only. */
export const errorPage: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent) return next(error);
  const status = pageFor(Number(error?.status));
  if (status >= 500) console.error(error);
  res.status(status).set(error?.headers ?? {});
  // The cause of a StoreUnavailableError is the store's own error.
  const words = { ...pages[status], ...error?.cause?.words, ...error?.words };
  res.render("error", { status, ...words }, (failure: Error | null, html: string) => {
    if (failure) console.error(failure);
    res.send(failure ? words.title : html);
  });
};

/** The status, if it has a page; else 400 for the faults of a request, and 500 for the rest. */
function pageFor(status: number): number {
  if (status in pages) return status;
  return status >= 400 && status < 500 ? 400 : 500;
}
