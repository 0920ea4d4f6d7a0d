const CATALOG = "/catalog/";

/**
 * The page to lead to: the path in `next`, or the catalog where `next` could lead to another site. Browsers read a
 * backslash as a slash and drop tabs and newlines, so "/\evil.example" is as dangerous as "//evil.example".
 */
export function returnPath(next: string | undefined): string {
  return next !== undefined && /^\/(?!\/)[^\\\p{Cc}]*$/u.test(next) ? next : CATALOG;
}
