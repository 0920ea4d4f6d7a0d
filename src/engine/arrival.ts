/** The part of a request that its session depends on, and the sessions that its cookies name. */

import type { CookieContent, Ticket } from "../contract/ticket.ts";
import { tell } from "../events.ts";

export interface Arrival {
  /** Whether the request came over TLS. */
  readonly secure: boolean;
  /** The name of our cookie in this request. */
  readonly name: string;
  /** The values of all cookies of our name that came. */
  readonly values: readonly string[];
  /** The values of all cookies of the legacy name that came; none where that is ours, or is not accepted. */
  readonly legacyValues: readonly string[];
  /** The value of a request header, by its name in lower case. Only with `deviceBound`. */
  header(name: string): string | null | undefined;
  /** Whether the session may only be read; a function is asked before each save. */
  readonly readOnly?: boolean | (() => Promise<boolean>) | undefined;
  /** Called with the headers of each save. */
  readonly announce?: ((headers: readonly [name: string, value: string][]) => unknown) | undefined;
}

/** The content of a cookie that came. */
export interface PresentedContent extends CookieContent {
  readonly isLegacy?: boolean;
}

/** The contents of the cookies of our name, then of the legacy one; at most two each, as more come from no honest browser. */
export function presentedBy({ name, values, legacyValues }: Arrival, ticket: Ticket): PresentedContent[] {
  const ours = contentsOf(name, values, ticket);
  if (legacyValues.length === 0) return ours;
  const legacy = contentsOf(name, legacyValues, ticket).filter(
    ({ id }) => !ours.some((own) => own.id === id),
  );
  return [...ours, ...legacy.map((content) => ({ ...content, isLegacy: true }))];
}

function contentsOf(name: string, values: readonly string[], ticket: Ticket): CookieContent[] {
  if (values.length > 1) tell("duplicated", () => ({ values: values.length }));
  const contents: CookieContent[] = [];
  for (const value of values.length > 1 ? new Set(values) : values) {
    const content = contents.length < 2 ? ticket.parse(value, name) : null;
    if (content !== null) contents.push(content);
    else tell("malformed", () => ({ length: value.length }));
  }
  return contents;
}
