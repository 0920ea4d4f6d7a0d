// Starts LocalLibrary, the example site, in its own folder.
import { fileURLToPath } from "node:url";

const site = new URL("../examples/locallibrary/", import.meta.url);

// npm runs scripts through a shell that SIGTERM ends without passing it on, so the shell's end counts as our SIGTERM.
const shell = process.ppid;
const watch = setInterval(() => {
  if (process.ppid !== shell) process.kill(process.pid, "SIGTERM");
}, 100).unref();
process.once("SIGTERM", () => clearInterval(watch));

process.chdir(fileURLToPath(site));
await import(new URL("src/server.ts", site).href);
