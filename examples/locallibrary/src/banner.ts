import { relative } from "node:path";
import type { DemoUser } from "./seed/users.ts";

/** The text that the site prints when it has started, with the passwords of `demoUsers`. */
export function banner(
  port: number,
  demoUsers: readonly DemoUser[],
  databasePath: string,
  storeName: string,
): string {
  const users = demoUsers.map(({ username, password }) => `${username} / ${password}`).join("   ");
  return `
  LocalLibrary   http://localhost:${port}/
  Sign in as     ${users || "(all passwords have been changed)"}
  Books          in ${relative("", databasePath)}
  Sessions       in ${storeName}
  Stop           Ctrl+C
`;
}
