#!/usr/bin/env node
/** The command `coatcheck`. The two libraries that it needs are optional dependencies: a server can be installed without. */
try {
  await import("commander");
} catch {
  console.error(
    "The command coatcheck needs two packages, which were left out here. Run: npm install commander cli-progress",
  );
  process.exit(1);
}
// Warnings are for the logs of servers. "doctor" listens for those of a store's check.
process.removeAllListeners("warning");
// A reader such as `head` may close the pipe before the end. The command then does its work without a word.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}
const { run } = await import("./program.ts");
process.exitCode = await run(process.argv.slice(2));
// A server that hangs must not keep the command from ending.
setTimeout(() => process.exit(), 100).unref();
