/**
 * The top-level members of a JSON object as they stand in its text. Python writes numbers that JavaScript cannot carry, and NaN;
 * a member that is not changed keeps its bytes.
 */

/** The text of a member: its name with the quotes, and its value. */
export interface Member {
  readonly name: string;
  readonly value: string;
}

/** The members of a JSON object, in their order. The text must be one: nothing is checked. */
export function membersOf(json: string): Map<string, Member> {
  const members = new Map<string, Member>();
  let depth = 0;
  let start = 0;
  let name = "";
  for (let at = 0; at < json.length; at++) {
    const char = json[at] as string;
    if (char === '"') at = endOfString(json, at);
    else if (char === "{" || char === "[") {
      if (++depth === 1) start = at + 1;
    } else if (char === ":" && depth === 1) {
      name = json.slice(start, at).trim();
      start = at + 1;
    } else if ((char === "}" || char === "]" ? --depth === 0 : char === "," && depth === 1) && name !== "") {
      members.set(JSON.parse(name), { name, value: json.slice(start, at).trim() });
      start = at + 1;
      name = "";
    }
  }
  return members;
}

/** The place of the closing quote of the string that opens at `start`. */
function endOfString(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === '"') return at;
    if (json[at] === "\\") at++;
  }
  return json.length;
}

/** The text of an object with these members. */
export const objectOf = (members: Iterable<Member>): string =>
  `{${Array.from(members, ({ name, value }) => `${name}:${value}`).join(",")}}`;

/** Python's JSON as JavaScript can parse it: null in the place of NaN and Infinity. */
export function plainJson(json: string): string {
  if (!/NaN|Infinity/.test(json)) return json;
  return besideStrings(json, (text) => text.replace(/NaN|-?Infinity/g, "null"));
}

/** The value as JavaScript writes it. Two texts of one value are the same then. */
export const canonical = (value: string): string => JSON.stringify(JSON.parse(plainJson(value)));

/**
 * Whether a list or object was changed and still holds a number that JavaScript cannot carry, rounded: a whole number beyond
 * 2^53, NaN or Infinity.
 */
export function isRounded(before: string, after: string): boolean {
  if (!/^[[{]/.test(before)) return false;
  const rounded = new Set(tokensOf(before).filter(cannotCarry).map(canonical));
  return rounded.size > 0 && tokensOf(after).some((token) => rounded.has(token));
}

const cannotCarry = (token: string): boolean =>
  token !== "null" && !(/^-?\d+$/.test(token) ? Number.isSafeInteger : Number.isFinite)(Number(token));

/** The numbers of a text, NaN, Infinity and null among them. */
function tokensOf(json: string): string[] {
  const tokens: string[] = [];
  besideStrings(json, (text) => {
    tokens.push(...(text.match(/-?\d[\d.eE+-]*|-?Infinity|NaN|null/g) ?? []));
    return text;
  });
  return tokens;
}

/** The text with everything outside its strings replaced. */
function besideStrings(json: string, replace: (text: string) => string): string {
  let replaced = "";
  for (let at = 0; at < json.length; ) {
    const quote = json.indexOf('"', at);
    replaced += replace(json.slice(at, quote === -1 ? json.length : quote));
    if (quote === -1) break;
    at = endOfString(json, quote) + 1;
    replaced += json.slice(quote, at);
  }
  return replaced;
}
