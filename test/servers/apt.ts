import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Installing takes Debian (or what is made of it) and root. */
export const canInstall =
  process.platform === "linux" && process.getuid?.() === 0 && existsSync("/etc/debian_version");

/** Installs one of Debian's packages without starting the service in it; one at a time, even if several processes ask. */
export function aptInstall(debianPackage: string): void {
  console.log(`Installing ${debianPackage} with apt-get …`);
  // The kernel lets go of a flock however its holder ends, so no lock is ever left behind.
  const lock = join(tmpdir(), "coatcheck-apt.lock");
  const script = fileURLToPath(new URL("./apt-get.ts", import.meta.url));
  try {
    execFileSync("flock", ["--wait", "240", lock, process.execPath, script, debianPackage], {
      stdio: ["ignore", "ignore", "pipe"],
      encoding: "utf8",
      timeout: 280_000,
    });
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
    throw new Error(
      `apt-get could not install ${debianPackage}: ${said}\n` +
        "Install it yourself, or name a running server in the environment.",
    );
  }
}
