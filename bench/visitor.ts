/** The data that the bench puts into sessions. */
export interface Visitor {
  name: string;
  visits: number;
  basket: { book: string; copies: number }[];
}

export const NAME = "Ada Lovelace";

/** Data of that many bytes of JSON: a name, a counter, and a basket with as many books as are needed. */
export function visitor(bytes: number): Visitor {
  const basket: Visitor["basket"] = [];
  const made = { name: NAME, visits: 0, basket };
  const missing = () => bytes - JSON.stringify(made).length;
  const book = { book: "The Name of the Rose", copies: 1 };
  const books = Math.floor((missing() - 30) / `${JSON.stringify(book)},`.length);
  for (let put = 0; put < books; put++) basket.push({ ...book });
  basket.push({ book: "", copies: 1 });
  const last = basket.at(-1) as Visitor["basket"][number];
  last.book = "x".repeat(Math.max(0, missing()));
  return made;
}
