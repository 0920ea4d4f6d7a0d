import type { ServerResponse } from "node:http";
import { errorPage } from "../error-page.ts";

/** Answers with the plain page for an error. */
export function sendErrorPage(response: ServerResponse, error: unknown): void {
  const { status, headers, body } = errorPage(error);
  const about = { "Content-Type": "text/plain; charset=utf-8", "Content-Length": Buffer.byteLength(body) };
  response.writeHead(status, { ...about, ...headers }).end(body);
}
