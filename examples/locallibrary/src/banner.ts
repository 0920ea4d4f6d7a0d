import { relative } from "node:path";
import { demoUsers } from "./seed/users.ts";

export function banner(port: number, databasePath: string, storeName: string): string {
  const users = demoUsers.map(({ username, password }) => `${username} / ${password}`).join("   ");
  return `
  LocalLibrary   http://localhost:${port}/
  Sign in as     ${users}
  Books          in ${relative("", databasePath)}
  Sessions       in ${storeName}
  Stop           Ctrl+C
`;
}
