/**
 * The answer that Next.js makes of an error which its `redirect()`, `permanentRedirect()`, `notFound()`, `unauthorized()` and
 * `forbidden()` throw. Next.js makes it outside the route handler, where no cookie of the session could be added, so
 * `withSession` makes the same answer itself.
 */

const REDIRECT = /^NEXT_REDIRECT;(?:push|replace);(.*);(303|307|308);$/s;
const ACCESS = /^NEXT_HTTP_ERROR_FALLBACK;(401|403|404)$/;

/** The status of the answer that an error of Next.js stands for; null for any other error. */
export function statusOfNextError(thrown: unknown): number | null {
  const { digest } = Object(thrown) as { digest?: unknown };
  if (typeof digest !== "string") return null;
  const status = REDIRECT.exec(digest)?.[2] ?? ACCESS.exec(digest)?.[1];
  return status === undefined ? null : Number(status);
}

/** The Response that an error of Next.js stands for; null for any other error. */
export function responseOfNextError(thrown: unknown, request: Request): Response | null {
  const status = statusOfNextError(thrown);
  if (status === null) return null;
  const [, location] = REDIRECT.exec((thrown as { digest: string }).digest) ?? [];
  if (location === undefined) return new Response(null, { status });
  // As Next.js does: after a form the browser must GET the next page, and not post the form again.
  return new Response(null, { status: isForm(request) ? 303 : status, headers: { Location: location } });
}

function isForm({ method, headers }: Request): boolean {
  const type = headers.get("Content-Type") ?? "";
  return (
    method === "POST" &&
    (type === "application/x-www-form-urlencoded" ||
      type.startsWith("multipart/form-data") ||
      headers.has("Next-Action"))
  );
}
