// Writes docs/errors.md from the source: every error that is thrown, every warning and every event. A message of coatcheck says
// what happened, why, and what to do, so the page needs no words of its own beside them.
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Expression, type Node, type Program, parseSync, Visitor, type VisitorObject } from "oxc-parser";

const root = fileURLToPath(new URL("../", import.meta.url));

interface File {
  readonly path: string;
  readonly code: string;
  readonly program: Program;
  /** The documentation comments, by the place at which each ends. */
  readonly docs: readonly { readonly end: number; readonly text: string }[];
}

function parse(path: string): File {
  const code = readFileSync(`${root}/${path}`, "utf8");
  const { program, comments } = parseSync(path, code);
  const docs = comments
    .filter(({ value }) => value.startsWith("*"))
    .map(({ end, value }) => ({ end, text: value.replaceAll(/\s*(\n\s*)?\*\s*|\s*\n\s*/g, " ").trim() }));
  return { path, code, program, docs };
}

const docBefore = ({ code, docs }: File, { start }: Node): string =>
  docs.find(({ end }) => end <= start && code.slice(end, start).trim() === "")?.text ?? "";

function walk(node: Node, visitor: VisitorObject): void {
  new Visitor(visitor).visit({ type: "Program", body: [node] } as unknown as Program);
}

// The command prints its errors itself, and the store suite speaks to who writes a store: their messages are read where they appear.
const files = globSync("src/**/*.ts", { cwd: root, exclude: ["src/cli/**", "src/testing/**"] })
  .sort()
  .map(parse);

/** The variables and functions of a file by name, for messages that are not written where they are thrown. */
function declaredIn({ program }: File): Map<string, Node> {
  const declared = new Map<string, Node>();
  walk(program, {
    VariableDeclarator({ id, init }) {
      if (id.type === "Identifier" && init) declared.set(id.name, init);
    },
    FunctionDeclaration(node) {
      if (node.id) declared.set(node.id.name, node);
    },
  });
  return declared;
}

const everywhere = new Map(files.flatMap((file) => [...declaredIn(file)]));
/** Those of the file that is read now come first. */
let here = everywhere;
const declarationOf = (name: string) => here.get(name) ?? everywhere.get(name);

/** The texts that an expression can be, with `…` for each part that is known only when it happens. */
function textsOf(node: Node | undefined): string[] {
  switch (node?.type) {
    case "Literal":
      return typeof node.value === "string" ? [node.value] : [];
    case "TemplateLiteral":
      return [node.quasis.map(({ value }) => value.cooked).join("…")];
    case "BinaryExpression": {
      const [left = "…"] = textsOf(node.left);
      const [right = "…"] = textsOf(node.right);
      return [left + right];
    }
    case "Identifier":
      return sentencesIn(declarationOf(node.name));
    case "CallExpression":
      return node.callee.type === "Identifier" ? sentencesIn(declarationOf(node.callee.name)) : [];
    default:
      return [];
  }
}

/** The messages that are written in a declaration. A text of fewer words is a part of one, or none. */
function sentencesIn(declaration: Node | undefined): string[] {
  const found: string[] = [];
  const take = (node: Expression) => {
    const isNew = (text: string) =>
      text.split(" ").length > 5 && !found.some((longer) => longer.includes(text));
    found.push(...textsOf(node).filter(isNew));
  };
  if (declaration !== undefined)
    walk(declaration, { BinaryExpression: take, TemplateLiteral: take, Literal: take });
  return found;
}

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ");
const row = (...cells: string[]) => `| ${cells.map(cell).join(" | ")} |`;
const table = (heads: readonly string[], rows: Iterable<string>) =>
  [row(...heads), `|${heads.map(() => "---|").join("")}`, ...new Set(rows)].join("\n");

/** Messages may hold what Markdown or a browser would take as its own. */
const plain = (message: string) =>
  message.replaceAll(/…+/g, "…").replaceAll(/[<>*_`]/g, (sign) => `\\${sign}`);

/** The store in whose files a message is written. */
const storeOf = (path: string) => path.match(/^src\/stores\/(?!calls|sql\/)(\w+)/)?.[1] ?? "any";

const errors: string[] = [];
const causes: string[] = [];
const mistakes: string[] = [];
const options: string[] = [];
const warnings: string[] = [];
const events: string[] = [];

for (const file of files) {
  here = declaredIn(file);
  const nameOf = ({ start, end }: Node) => file.code.slice(start, end);
  walk(file.program, {
    NewExpression({ callee, arguments: [first, second] }) {
      const name = nameOf(callee);
      const messages = textsOf(name === "AggregateError" ? second : first).map(plain);
      if (name === "SettingsError") {
        for (const option of textsOf(first))
          options.push(...textsOf(second).map((takes) => row(`\`${option}\``, plain(takes))));
      } else if (name === "TypeError" || name === "RangeError") {
        mistakes.push(...messages.map((message) => row(`\`${name}\``, message)));
      } else if (/^(Error|FinalError|AggregateError)$/.test(name)) {
        causes.push(...messages.map((message) => row(storeOf(file.path), message)));
      }
    },
    CallExpression({ callee, arguments: [code, message] }) {
      if (!/(^warn|\.warnOnce|#warnOnce)$/.test(nameOf(callee)) || code?.type !== "Literal") return;
      warnings.push(...textsOf(message).map((text) => row(`\`${code.value}\``, plain(text))));
    },
    ExportNamedDeclaration(statement) {
      const { declaration } = statement;
      if (file.path !== "src/errors.ts" || declaration?.type !== "ClassDeclaration") return;
      walk(declaration, {
        CallExpression({ callee, arguments: [message] }) {
          if (callee.type !== "Super") return;
          errors.push(
            row(`\`${declaration.id?.name}\``, docBefore(file, statement), plain(textsOf(message)[0] ?? "")),
          );
        },
      });
    },
    TSInterfaceDeclaration({ id, body }) {
      if (id.name !== "SessionEvents") return;
      for (const member of body.body) {
        if (member.type !== "TSPropertySignature" || !member.typeAnnotation) continue;
        const fields = nameOf(member.typeAnnotation.typeAnnotation);
        events.push(row(`\`${nameOf(member.key)}\``, docBefore(file, member), `\`${fields}\``));
      }
    },
  });
}

/** Writes the page to a file. Tests write it to another one, and compare. */
writeFileSync(
  process.argv[2] ?? `${root}/docs/errors.md`,
  `# Errors, warnings and events

This page is made from the source by \`node scripts/errors-page.ts\`. \`…\` stands for what is known only when it happens. No message
holds a key, the value of a cookie, or data of a visitor, but for the names of keys.

## Errors with a class of their own

\`coatcheck\` exports these classes. Each error has a \`status\`, which Express, Fastify, Koa and Hono answer with; a message below 500
may be shown to the visitor.

${table(["Class", "When (status)", "Message"], errors)}

## Options and settings

\`SettingsError\` comes at the start, or at the call that has the option. Its message is "The option … takes …". Every option of
\`session()\` and \`createSessions()\` is checked against its type and limits, which [options.md](options.md) has. Beside these:

${table(["Option", "It takes"], options.sort())}

## Mistakes in a call

These are thrown at the call, or when the session is stored where the mistake can be seen only then.

${table(["Class", "Message"], mistakes.sort())}

## Other errors, most of them causes

A \`StoreUnavailableError\` has the error of the store, or of its driver, as its \`cause\`. \`check()\` and
\`createTable()\` throw it as it is.

${table(["Store", "Message"], causes.sort())}

## Warnings

Warnings go to \`process.emitWarning\` with the type \`CoatcheckWarning\` and a code, which \`process.on("warning", …)\` shows. Each comes once.

${table(["Code", "Message"], warnings.sort())}

## Events

Events are published on \`node:diagnostics_channel\`, on the channel \`coatcheck:\` with the event's name. \`session\` is a log id, which
names one session in all events and is no key.

${table(["Event", "When", "Message"], events)}
`,
);
