/** The adapter for Express on each runtime that speaks Node's http. */
import { describe, expect, onTestFinished, test } from "vitest";
import { Visitor } from "../instruments/visitor.ts";
import { installed } from "./install.ts";
import { missing, runtimes, site } from "./runtimes.ts";
import { start } from "./start.ts";

await installed(new URL(".", import.meta.url));

describe.each(runtimes.filter(({ stores }) => stores.includes("sqlite")))("$name", (runtime) => {
  const why = missing(runtime);
  test.skipIf(why)(`serves Express on its own SQLite${why ? ` (${why})` : ""}`, async () => {
    const { port, stop } = await start(await runtime.run(site("on-express.ts")));
    onTestFinished(stop);
    const visitor = new Visitor(port);
    expect((await visitor.visit()).body).toBe("1");
    await Promise.all(Array.from({ length: 10 }, () => visitor.visit()));
    expect((await visitor.visit("/login")).status).toBe(302);
    expect((await visitor.visit("/who")).body).toBe("ann, 11");
    expect((await visitor.visit("/stream")).body).toBe("one two");
    expect((await visitor.visit("/logout")).setCookie).toHaveLength(1);
    expect((await visitor.visit("/who")).body).toBe("null, 0");
  });
});
