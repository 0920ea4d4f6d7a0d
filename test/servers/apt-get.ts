// Run by apt.ts, by one process at a time: updates the lists once a day and installs the package named.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const updated = join(tmpdir(), "coatcheck-apt.updated");
const day = 24 * 3600 * 1000;

// Debian's packages start their service when installed; a policy that answers 101 forbids it.
const policy = "/usr/sbin/policy-rc.d";
const ours = "#!/bin/sh\n# Made by coatcheck's tests while they install a package.\nexit 101\n";

if ((statSync(updated, { throwIfNoEntry: false })?.mtimeMs ?? 0) < Date.now() - day) {
  aptGet("update");
  writeFileSync(updated, "");
}
if (!existsSync(policy)) writeFileSync(policy, ours, { mode: 0o755 });
try {
  aptGet("install", "--yes", "--no-install-recommends", process.argv[2] as string);
} finally {
  if (readFileSync(policy, "utf8") === ours) rmSync(policy);
}

function aptGet(...args: string[]): void {
  // Another apt-get may be running on this machine: wait for it, do not fail.
  execFileSync("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=200", ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "ignore", "inherit"],
  });
}
