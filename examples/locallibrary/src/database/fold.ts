/** Text as a reader searches and sorts it: without case and accents, so that "miserables" finds "Les Misérables". */
export function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
