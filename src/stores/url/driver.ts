/** How long a connection may take to come up, milliseconds. */
export const CONNECT_TIMEOUT_MS = 5000;

/** Loads a package that only one kind of store needs. `from` is a variable, so that bundlers do not follow it. */
export async function loadDriver<T>(packageName: string, from = packageName): Promise<T> {
  try {
    return (await import(/* webpackIgnore: true */ from)) as T;
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
    if (!isMissing || !message?.includes(packageName)) throw error;
    throw new Error(
      `The store of this URL needs the package ${packageName}, which is not installed. Run: npm install ${packageName}`,
      { cause: error },
    );
  }
}
