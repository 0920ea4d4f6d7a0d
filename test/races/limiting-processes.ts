import { expect, test } from "vitest";
import { startProcess } from "./server-process.ts";

const startServer = async (storeUrl: string) => (await startProcess("limiting-server.ts", storeUrl)).port;

const visit = (port: number, path: string, cookie = "") =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } });

/** Registers the test that two processes over one store keep to the limit of a user's sessions. */
export function limitInTwoProcesses(prepare: () => Promise<string>): void {
  test("16 logins of one user at two processes at once leave three sessions, whose responses brought the cookies", async () => {
    const url = await prepare();
    const [one, two] = await Promise.all([startServer(url), startServer(url)]);
    for (let round = 0; round < 3; round++) {
      const user = `limited-${crypto.randomUUID()}`;
      const ports = Array.from({ length: 8 }, () => [one, two]).flat();
      const answers = await Promise.all(ports.map((port) => visit(port, `/login/${user}`)));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      const cookies = answers
        .flatMap(({ headers }) => headers.getSetCookie())
        .map((line) => line.split(";")[0]);
      const users = await Promise.all(
        cookies.map(async (cookie, n) => (await visit(ports[n] as number, "/user", cookie)).text()),
      );
      expect(users.filter((found) => found === user)).toHaveLength(3);
      expect(users.filter((found) => found !== user && found !== "null")).toEqual([]);
    }
  }, 60_000);
}
