const CATALOG = "/catalog/";

/**
 * Where to go after signing in: the path in `?next=`, or the catalog when it could lead off this site.
 * Browsers read a backslash as a slash and drop tabs and newlines, so "/\evil.example" is as foreign as "//evil.example".
 */
export function returnPath(next: string | undefined): string {
  return next !== undefined && /^\/(?!\/)[^\\\p{Cc}]*$/u.test(next) ? next : CATALOG;
}
