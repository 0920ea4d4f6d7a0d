#!/usr/bin/env node
/** The command `coatcheck`. Its two libraries are optional dependencies, so that a server can be installed without them. */
try {
  await import("commander");
} catch {
  console.error(
    "The command coatcheck needs two packages, which were left out here. Run: npm install commander cli-progress",
  );
  process.exit(1);
}
// Warnings are for the logs of servers; "doctor" shows those that matter to it.
process.removeAllListeners("warning");
const { run } = await import("./program.ts");
process.exitCode = await run(process.argv.slice(2));
// A server that hangs does not keep the command from ending.
setTimeout(() => process.exit(), 100).unref();
