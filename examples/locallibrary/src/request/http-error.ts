/** The title and the advice of an error page, for errors that need other words than their status gives. */
export interface ErrorWords {
  title: string;
  advice: string;
}

/** A route throws this to answer with the error page of a status. The message goes to the log only. */
export class HttpError extends Error {
  override name = "HttpError";
  readonly status: number;
  readonly words: ErrorWords | undefined;

  constructor(status: number, message: string, words?: ErrorWords) {
    super(message);
    this.status = status;
    this.words = words;
  }
}
