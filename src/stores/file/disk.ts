/** File operations in which a file that is missing, or there already, is an answer and not an error. */
import {
  access,
  constants,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rmdir,
  unlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";

/** Only the owner may read folders and files. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException | null)?.code;

async function unless<T, A>(work: Promise<T>, codes: readonly string[], answer: A): Promise<T | A> {
  try {
    return await work;
  } catch (error) {
    if (codes.includes(codeOf(error) ?? "")) return answer;
    throw error;
  }
}

/** Lists the names in a folder; null where there is no folder. */
export const list = (folder: string) => unless(readdir(folder), ["ENOENT"], null);

/** Reads a file; null where there is none. */
export const read = (file: string) => unless(readFile(file, "utf8"), ["ENOENT"], null);

/** Renames a file; false where there is none. Of many calls that move one file, only one gets true. */
export const move = (from: string, to: string) =>
  unless(
    rename(from, to).then(() => true),
    ["ENOENT"],
    false,
  );

/** Renames a folder; false where the new name is a folder with something in it, null where a folder on the way is missing. */
export const moveFolder = (from: string, to: string) =>
  unless(
    unless(
      rename(from, to).then(() => true),
      ["ENOTEMPTY", "EEXIST"],
      false,
    ),
    ["ENOENT"],
    null,
  );

/** Removes a file; false where there is none. Of many calls that remove one file, only one gets true. */
export const remove = (file: string) =>
  unless(
    unlink(file).then(() => true),
    ["ENOENT"],
    false,
  );

/** Makes a folder; false where it was there already. Of many calls that make one folder, only one gets true. */
export const makeFolder = (folder: string) =>
  unless(
    mkdir(folder, FOLDER_MODE).then(() => true),
    ["EEXIST"],
    false,
  );

/** Removes a folder; false where something is in it, or where there is something else in its place, such as a link. */
export const removeFolder = (folder: string) =>
  unless(
    unless(
      rmdir(folder).then(() => true),
      ["ENOTEMPTY", "EEXIST", "ENOTDIR"],
      false,
    ),
    ["ENOENT"],
    true,
  );

/** Writes a new file; false where its folder is missing. Of a file that did not fit on the disk, nothing stays. */
export async function write(file: string, text: string, isFlushed: boolean): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: "wx", mode: FILE_MODE, flush: isFlushed });
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    await unlink(file).catch(() => {});
    throw error;
  }
}

/** Makes an empty file, and the `depth` folders above it where they are missing. Folders further up must be there. */
export async function enter(file: string, depth: number): Promise<void> {
  // Another call can remove the folder, which is empty, before the file is made in it.
  for (let attempt = 1; ; attempt++) {
    try {
      return await writeFile(file, "", { mode: FILE_MODE });
    } catch (error) {
      if (codeOf(error) !== "ENOENT" || attempt === 100) throw error;
    }
    await makeFolders(dirname(file), depth);
  }
}

async function makeFolders(folder: string, depth: number): Promise<void> {
  if (depth > 1) await makeFolders(dirname(folder), depth - 1);
  await makeFolder(folder);
}

/** Waits until the disk has the names in a folder, and in the `above` folders over it. */
export async function flush(folder: string, above = 0): Promise<void> {
  const handle = await unless(open(folder, "r"), ["ENOENT"], null);
  try {
    await handle?.sync();
  } finally {
    await handle?.close();
  }
  if (above > 0) await flush(dirname(folder), above - 1);
}

/** Makes the folder of a store and those in it. The one above must be there: where it is missing, a disk may not be mounted. */
export async function prepare(root: string, folders: readonly string[]): Promise<void> {
  try {
    await makeFolder(root);
    for (const folder of folders) await makeFolder(join(root, folder));
  } catch (error) {
    throw new Error(
      `The folder ${root} for the sessions could not be made. The folder above it must exist, and take new ones; the cause ` +
        "says what failed.",
      { cause: error },
    );
  }
}

/** Rejects where the folder of a store does not take files. */
export async function probe(root: string, folders: readonly string[]): Promise<void> {
  const file = join(root, `check-${process.pid}-${performance.now()}`);
  try {
    for (const folder of folders)
      await access(join(root, folder), constants.R_OK | constants.W_OK | constants.X_OK);
    await write(file, "x".repeat(4096), false);
    await move(file, `${file}-moved`);
    await remove(`${file}-moved`);
  } catch (error) {
    throw new Error(
      `The folder ${root} cannot hold sessions now: it must be there, this process must be allowed to write in it, and its ` +
        "disk must have room. The cause says what failed.",
      { cause: error },
    );
  }
}
