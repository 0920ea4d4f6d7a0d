// Starts LocalLibrary, the example site, in its own folder.
import { fileURLToPath } from "node:url";

const site = new URL("../examples/locallibrary/", import.meta.url);

// npm runs scripts in a shell, which SIGTERM ends but which does not pass it on. So the end of the shell counts as a SIGTERM.
const shell = process.ppid;
const watch = setInterval(() => {
  if (process.ppid !== shell) process.kill(process.pid, "SIGTERM");
}, 100).unref();
process.once("SIGTERM", () => clearInterval(watch));

process.chdir(fileURLToPath(site));
await import(new URL("src/server.ts", site).href);
