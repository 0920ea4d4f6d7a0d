/** The file of a SQLite database: what must be right before it is opened, and whether it is still the same file later. */
import { dirname, resolve } from "node:path";
import { SettingsError } from "../../errors.ts";

// Not imported, because an import evaluates every member of these modules, and so loads the promises of node:fs.
const { readdirSync, statSync } = process.getBuiltinModule("node:fs");
const { createRequire, isBuiltin } = process.getBuiltinModule("node:module");

/** A file by device and inode, so that two names of one file are the same. */
type Identity = string;

/** How many connections the stores of this process have opened on a file. */
const connections = new Map<Identity, number>();

/** Watches that a path leads to the file that it led to when the watch began. */
export class WatchedFile {
  readonly #path: string;
  /** Undefined where the path leads to no file: there is nothing to watch then. */
  readonly identity: Identity | undefined;

  constructor(path: string) {
    this.#path = path;
    this.identity = identityOf(path);
  }

  /** Throws where the file is no longer there: writes to the open database would be lost. */
  check(): void {
    if (this.identity === undefined || identityOf(this.#path) === this.identity) return;
    throw new Error(
      `The session database ${this.#path} was deleted or replaced while it was open. Put the file back; or restart this process, to ` +
        "begin with the file that is there now, or with none.",
    );
  }
}

/** The file of a database that the store itself opens. */
export class DatabaseFile {
  /** Absolute, as things were when the store was made: a later `chdir` does not move it. */
  readonly path: string;
  #opened: WatchedFile | undefined;
  /** How often the file was open when better-sqlite3 was last found not to have it; null before that. */
  #lastOpen: number | undefined | null = null;
  #refusal: SettingsError | undefined;

  /**
   * Throws a SettingsError where it is certain that the file cannot be used: its folder is missing, there is no SQLite, or
   * better-sqlite3 has it open.
   */
  constructor(path: string) {
    this.path = resolve(path);
    const folder = dirname(this.path);
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
      throw new SettingsError("store", `a SQLite file in a folder that exists: there is no folder ${folder}`);
    }
    if (isSqliteMissing()) throw new SettingsError("store", INSTALL_SQLITE);
    this.refuseSecondLibrary();
    // Where the system does not say how often the file is open, look again before it is opened.
    this.#lastOpen ??= null;
  }

  /**
   * Throws a SettingsError where better-sqlite3 has the file open in this process. A SQLite library keeps account of its own
   * locks, and the kernel keeps one account for the whole process. So two libraries on one file undo each other's locks, and
   * the one that closes last throws away what the other has committed (sqlite.org/howtocorrupt.html, 2.2.1).
   */
  refuseSecondLibrary(): void {
    // Final, because the search takes long and each request would ask for it again.
    if (this.#refusal !== undefined) throw this.#refusal;
    const file = identityOf(this.path);
    if (file === undefined) return;
    const timesOpen = timesOpenHere(file);
    if (timesOpen === this.#lastOpen || timesOpen === (connections.get(file) ?? 0)) return;
    if (openInBetterSqlite3().some((name) => identityOf(name) === file)) {
      this.#refusal = new SettingsError(
        "store",
        `sqliteStore(database) here: this process has ${this.path} open with better-sqlite3. Two SQLite libraries in one process undo each ` +
          "other's locks, and writes are lost. Give sqliteStore that database, or the path of a file that is the sessions' own",
      );
      throw this.#refusal;
    }
    this.#lastOpen = timesOpen;
  }

  /** Throws a SettingsError where there is no file. */
  checkExists(): void {
    if (identityOf(this.path) === undefined)
      throw new SettingsError("database", `a SQLite database that exists: there is no file ${this.path}`);
  }

  /** To be called when the file was opened. The first file that was opened stays the one that is expected. */
  opened(): void {
    this.#opened ??= new WatchedFile(this.path);
    count(this.#opened.identity, 1);
  }

  closed(): void {
    count(this.#opened?.identity, -1);
  }

  /** Throws where the file that was opened is no longer there. */
  check(): void {
    this.#opened?.check();
  }
}

function count(file: Identity | undefined, change: 1 | -1): void {
  if (file === undefined) return;
  const now = (connections.get(file) ?? 0) + change;
  if (now > 0) connections.set(file, now);
  else connections.delete(file);
}

const INSTALL_SQLITE =
  "a store for this runtime. It has no SQLite: no node:sqlite (Node has it from 22.13 on), no bun:sqlite, no better-sqlite3. " +
  "Install better-sqlite3, or give another store";

function isSqliteMissing(): boolean {
  // Only Node's own list of modules is known to be complete.
  if ("Bun" in globalThis || "Deno" in globalThis || isBuiltin("node:sqlite")) return false;
  try {
    const folders = [".", ...process.argv.slice(1, 2).map(dirname)];
    requireHere().resolve("better-sqlite3", { paths: folders });
    return false;
  } catch {
    return true;
  }
}

/** By the folder of the process and not by `import.meta`, which tools that make CommonJS modules cannot translate, as Jest's do. */
const requireHere = () => createRequire(resolve("here.js"));

function identityOf(path: string): Identity | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}

/** How often this process has the file open; undefined where the system does not say (only Linux does). */
function timesOpenHere(file: Identity): number | undefined {
  try {
    return readdirSync("/proc/self/fd").filter((fd) => identityOf(`/proc/self/fd/${fd}`) === file).length;
  } catch {
    return undefined;
  }
}

/**
 * The names of all databases that better-sqlite3 has open in this thread. It keeps no list of them, so the heap is searched,
 * which takes tenths of a second. An empty list where better-sqlite3 was never loaded.
 */
function openInBetterSqlite3(): string[] {
  const loaded = Object.entries(requireHere().cache ?? {});
  const { queryObjects } = process.getBuiltinModule("node:v8");
  return loaded
    .filter(([file]) => /[\\/]better-sqlite3[\\/]lib[\\/]index\.js$/.test(file))
    .map(([, module]) => module?.exports)
    .filter((Database) => typeof Database === "function")
    .flatMap((Database) => queryObjects(Database, { format: "summary" }))
    .flatMap((shown) => /\bname: (['"`])(.*)\1,\s+open: true/.exec(shown)?.[2] ?? [])
    .map((name) => name.replace(/\\(.)/g, "$1"));
}
