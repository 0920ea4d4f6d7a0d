import { posix } from "node:path";

/**
 * A page of docs/ as the site has it. Links to other pages stay; those that leave docs/ lead to the repository or, while owner.json
 * names none, become plain text. Code that belongs to a file has the file's name above it.
 */
export function forSite(text: string, page: string, repository: string): string {
  const folder = posix.dirname(page);
  return text
    .split(/(^```.*?^```$)/ms)
    .map((part, index) =>
      index % 2 === 0 ? part.replaceAll(/(!?)\[([^\][]*)\]\(([^)\s]+)\)/g, link) : titled(part),
    )
    .join("");

  function link(whole: string, image: string, label: string, target: string): string {
    if (/^[a-z]+:|^#/.test(target)) return whole;
    const [path = "", anchor] = posix.join(folder, target).split("#");
    const hash = anchor === undefined ? "" : `#${anchor}`;
    if (path === "CHANGELOG.md") return `[${label}](/changelog${hash})`;
    if (path === "docs/README.md") return `[${label}](/contents${hash})`;
    if (path.startsWith("docs/")) return `${image}[${label}](/${path.slice("docs/".length)}${hash})`;
    return repository === "" ? label : `${image}[${label}](${repository}/blob/main/${path}${hash})`;
  }
}

/** A block of code whose fence names its file, with that name above it. */
function titled(block: string): string {
  const titled = block.replace(/^```(\w+) (\S+)$/m, "```$1 [$2]");
  return titled === block ? block : `::: code-group\n${titled}\n:::`;
}
