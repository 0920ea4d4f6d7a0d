/** Removes case and accents, for searching and sorting: "miserables" finds "Les Misérables". */
export function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
