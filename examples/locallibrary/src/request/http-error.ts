/** What an error page says, where the status alone says too little. */
export interface ErrorWords {
  title: string;
  advice: string;
}

/** Thrown by a route to answer with the error page of this status; the message is for the log. */
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
