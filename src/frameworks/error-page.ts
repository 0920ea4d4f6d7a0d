/** The plain page for an error that the application does not answer itself. */
import { publicText } from "../errors.ts";

/** It shows no more of the error than its status, its headers and, up to 499, its message. */
export interface ErrorPage {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** Plain text. */
  readonly body: string;
}

/** True for an error that names the HTTP status of its answer, as those of coatcheck do. */
export function namesStatus(error: unknown): boolean {
  const { status } = Object(error) as { status?: unknown };
  return typeof status === "number" && status >= 400 && status <= 599;
}

/** The page for an error; an error that names no status is a 500. */
export function errorPage(error: unknown): ErrorPage {
  const { status, expose, message, headers } = Object(error) as Record<string, unknown>;
  const code = namesStatus(error) ? (status as number) : 500;
  return {
    status: code,
    headers: { ...(headers as Record<string, string> | undefined) },
    body: publicText({ status: code, expose: expose === true, message: String(message) }),
  };
}
