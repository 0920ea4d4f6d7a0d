import { relative } from "node:path";
import { demoUsers } from "./seed/users.ts";

export function banner(port: number, databasePath: string): string {
  const users = demoUsers.map(({ username, password }) => `${username} / ${password}`).join("   ");
  return `
  LocalLibrary   http://localhost:${port}/
  Sign in as     ${users}
  Sessions       in ${relative("", databasePath)}, with the books; they survive a restart
  Stop           Ctrl+C
`;
}
