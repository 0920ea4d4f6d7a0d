/** For `node --import`: the process gets its Ctrl-C when it has deleted something from a SQLite database for the first time. */
import { DatabaseSync } from "node:sqlite";

type Method = (this: { readonly sourceSQL: string }, ...given: unknown[]) => unknown;

const statements = Object.getPrototypeOf(new DatabaseSync(":memory:").prepare("SELECT 1")) as Record<
  string,
  Method
>;
let isInterrupted = false;

for (const name of ["run", "all", "get"]) {
  const method = statements[name] as Method;
  statements[name] = function (...given) {
    const answer = method.apply(this, given);
    if (!isInterrupted && /^\s*DELETE/i.test(this.sourceSQL)) {
      isInterrupted = true;
      process.kill(process.pid, "SIGINT");
    }
    return answer;
  };
}
