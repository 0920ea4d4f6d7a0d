/** The commands, their options and their help. */
import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { CookieOptions } from "../settings/options.ts";
import { clearExpired } from "./commands/clear-expired.ts";
import { createTable } from "./commands/create-table.ts";
import { demo } from "./commands/demo.ts";
import { doctor } from "./commands/doctor.ts";
import { list } from "./commands/list.ts";
import { revoke } from "./commands/revoke.ts";
import { stats } from "./commands/stats.ts";
import { type CommonOptions, type Context, type SiteOptions, withStore } from "./context.ts";
import { EXIT } from "./exit.ts";
import { isWrongUse, problemOf, withoutPasswords } from "./problem.ts";

/** Runs the command, and resolves to its exit code. */
export async function run(args: readonly string[]): Promise<number> {
  let code: number = EXIT.DONE;
  const program = programOf((ended) => {
    code = ended;
  });
  try {
    refuseMissingCommand(program, args[0]);
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    // Commander has already shown what was wrong, or the help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.DONE : EXIT.WRONG_USE;
    const problem = problemOf(error);
    if (args.includes("--json")) console.log(JSON.stringify({ error: problem }));
    else console.error(problem);
    return isWrongUse(error) ? EXIT.WRONG_USE : EXIT.FAILED;
  }
}

function programOf(end: (code: number) => void): Command {
  const program = new Command("coatcheck")
    .description("Looks after the sessions of a site.")
    .exitOverride()
    // An argument in the wrong place may be the URL of the store.
    .configureOutput({ writeErr: (text) => process.stderr.write(withoutPasswords(text)) })
    .option("-V, --version", "show the version")
    .on("option:version", () => {
      console.log(versionOf());
      throw new CommanderError(EXIT.DONE, "coatcheck.version", "");
    })
    .showHelpAfterError("(see coatcheck --help)")
    .addHelpText(
      "after",
      `
The store is a URL, given by --store or by SESSION_STORE in the environment, where its password does not show in ps:
  sqlite:sessions.sqlite3            postgres://user:password@host/database    redis://host
  file:/var/lib/site/sessions        mysql://user:password@host/database       memcached://host

Exit codes: 0 done, 1 something is wrong or failed, 2 called wrongly, 130 stopped by Ctrl-C.`,
    );

  /** Adds a command, with the options that all have. */
  function command<O extends CommonOptions>(
    name: string,
    description: string,
    examples: readonly string[],
    work: (context: Context, options: O, argument: string | undefined) => Promise<number>,
    siteOf?: (options: O) => SiteOptions,
  ): Command {
    return program
      .command(name)
      .description(description)
      .option("-s, --store <url>", "the store; default is SESSION_STORE in the environment")
      .option("--json", "answer with one line of JSON")
      .addOption(
        new Option("--timeout <seconds>", "how long one step may take")
          .argParser(upTo(3600, Number))
          .default(60),
      )
      .addHelpText("after", `\nExamples:\n${examples.map((line) => `  $ coatcheck ${line}`).join("\n")}`)
      .action(async (...given: unknown[]) => {
        // Commander passes the arguments, then the options, then the command.
        const options = given.at(-2) as O;
        const argument = given.length > 2 ? (given[0] as string | undefined) : undefined;
        end(await withStore(options, (context) => work(context, options, argument), siteOf?.(options)));
      });
  }

  command<CommonOptions & { batchSize: number; dryRun?: boolean }>(
    "clear-expired",
    "Delete expired sessions, in batches. Safe while the site runs, and to stop with Ctrl-C.",
    [
      "clear-expired --store sqlite:sessions.sqlite3",
      "clear-expired --dry-run",
      "clear-expired --batch-size 500 --json",
    ],
    clearExpired,
  )
    .option("-n, --dry-run", "count what would be deleted, and delete nothing")
    .addOption(
      new Option("--batch-size <sessions>", "how many one step deletes")
        .argParser(upTo(1_000_000, wholeNumber))
        .default(1000),
    );

  command(
    "create-table",
    "Create the table of sessions where it is missing (SQL stores).",
    ["create-table --store postgres://site@localhost/site"],
    createTable,
  );

  command(
    "stats",
    "Count the sessions: live, expired, of users; and their age and size.",
    ["stats", "stats --json"],
    stats,
  );

  command<CommonOptions & { user: string }>(
    "list",
    "List the sessions of a user. Their data is not shown.",
    ["list --user 42", "list --user ann --json"],
    list,
  ).requiredOption("-u, --user <id>", "the user, as login() was given it");

  command<CommonOptions & { user: string; all?: boolean; except?: string }>(
    "revoke [handle]",
    "End one session of a user, by the handle that list shows, or all of them.",
    ["revoke 3f9a… --user 42", "revoke --user 42 --all", "revoke --user 42 --all --except 3f9a…"],
    (context, options, handle) => revoke(context, handle, options),
  )
    .requiredOption("-u, --user <id>", "the user whose session it is")
    .option("--all", "all of the user's sessions")
    .option("--except <handle>", "but this one");

  command<CommonOptions & SiteFlags>(
    "doctor",
    "Look at store, clocks and cookie settings, and say what to mend.",
    [
      "doctor",
      "doctor --store redis://localhost --json",
      "doctor --cookie-name __Host-id --cookie-same-site strict",
      "doctor --device-bound",
    ],
    (context, options) => doctor(context, siteOf(options)),
    siteOf,
  )
    .option("--cookie-name <name>", "the option cookie.name of the site")
    .option("--cookie-domain <domain>", "cookie.domain")
    .option("--cookie-path <path>", "cookie.path")
    .addOption(new Option("--cookie-secure <when>", "cookie.secure").choices(["auto", "true", "false"]))
    .addOption(new Option("--cookie-same-site <value>", "cookie.sameSite").choices(["lax", "strict", "none"]))
    .option("--no-cookie-http-only", "cookie.httpOnly is false")
    .option("--device-bound", "deviceBound is set");

  program
    .command("demo")
    .description("Serve a small site on this machine that shows sessions at work. It needs no store.")
    .addOption(
      new Option("--port <number>", "where it listens; 0 is a free one").argParser(port).default(8000),
    )
    .action(async (options: { port: number }) => end(await demo(options)));

  return program;
}

/** Says what is missing where the first word is an option of a command, or the URL of a store. */
function refuseMissingCommand(program: Command, first: string | undefined): void {
  const isOption = first?.startsWith("-") && !/^(-h|--help|-V|--version)$/.test(first);
  if (!isOption && !first?.includes(":")) return;
  const word = isOption ? first?.split("=", 1)[0] : "the URL";
  program.error(`error: A command is missing before ${word}. For example: coatcheck stats --store <url>`);
}

/** Read when it is asked for. The file is two folders up from the source and from what is built. */
function versionOf(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

interface SiteFlags {
  readonly cookieName?: string;
  readonly cookieDomain?: string;
  readonly cookiePath?: string;
  readonly cookieSecure?: "auto" | "true" | "false";
  readonly cookieSameSite?: "lax" | "strict" | "none";
  readonly cookieHttpOnly: boolean;
  readonly deviceBound?: boolean;
}

/** The options of the site that the flags name. */
function siteOf(flags: SiteFlags): SiteOptions {
  const { cookieName: name, cookieDomain: domain, cookiePath: path, cookieSameSite: sameSite } = flags;
  const secure =
    flags.cookieSecure && ({ auto: "auto", true: true, false: false } as const)[flags.cookieSecure];
  const given = { name, domain, path, sameSite, secure, httpOnly: flags.cookieHttpOnly ? undefined : false };
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  const cookie = entries.length === 0 ? {} : { cookie: Object.fromEntries(entries) as CookieOptions };
  return flags.deviceBound ? { ...cookie, deviceBound: true } : cookie;
}

function port(text: string): number {
  const value = wholeNumber(text);
  if (value <= 65_535) return value;
  throw new InvalidArgumentError("It must be a whole number, at most 65535.");
}

const wholeNumber = (text: string) => (/^\d+$/.test(text) ? Number(text) : Number.NaN);

function upTo(most: number, parse: (text: string) => number) {
  return (text: string) => {
    const value = parse(text);
    if (value > 0 && value <= most) return value;
    const kind = parse === wholeNumber ? "whole number" : "number";
    throw new InvalidArgumentError(`It must be a ${kind} above 0, and at most ${most}.`);
  };
}
