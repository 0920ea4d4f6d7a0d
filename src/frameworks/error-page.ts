/** The plain page for an error that nobody else answers: no more of it than its status, headers and public message. */
export interface ErrorPage {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** Plain text. */
  readonly body: string;
}

/** Whether an error says which status suits it, as those of coatcheck do. */
export function namesStatus(error: unknown): boolean {
  const { status } = Object(error) as { status?: unknown };
  return typeof status === "number" && status >= 400 && status <= 599;
}

export function errorPage(error: unknown): ErrorPage {
  const { status, expose, message, headers } = Object(error) as Record<string, unknown>;
  const code = namesStatus(error) ? (status as number) : 500;
  const unexposed = code === 503 ? "Service Unavailable" : "Internal Server Error";
  return {
    status: code,
    headers: { ...(headers as Record<string, string> | undefined) },
    body: `${expose === true ? message : unexposed}\n`,
  };
}
