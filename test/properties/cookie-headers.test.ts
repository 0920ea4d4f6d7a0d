import { createHash } from "node:crypto";
import { createSessions, memoryStore, type Store } from "coatcheck";
import fc from "fast-check";
import { expect, test } from "vitest";

const KEY = /^[a-z0-9]{32}$/;
const key = fc.stringMatching(KEY);
const value = fc.oneof(
  { weight: 3, arbitrary: key },
  key.map((key) => `"${key}"`),
  key.map((key) => key.toUpperCase()),
  key.map((key) => `${key}\u00a0`),
  key.map((key) => `%61${key.slice(1)}`),
  key.map((key) => `${key}a`),
  fc.string({ unit: "binary" }),
);
const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("sessionid", "__Host-sessionid") },
  fc.constantFrom("Sessionid", "sessionid2", "\u2000sessionid", "\tsessionid ", "$Version", ""),
  fc.string({ maxLength: 4 }),
);
const pairs = fc
  .array(
    fc
      .tuple(fc.constantFrom("", " ", "\t"), name, value)
      .map(([space, name, value]) => `${space}${name}=${value}`),
    { maxLength: 6 },
  )
  .map((pairs) => pairs.join(";"));
const header = fc.oneof({ weight: 4, arbitrary: pairs }, fc.string({ unit: "binary" }));

/** The ids that this header may lead to: of the values of that very name, the first two that are keys. */
function idsIn(header: string, name: string): string[] {
  const trim = (text: string) => text.replace(/^[ \t]+/, "").replace(/[ \t]+$/, "");
  const values = header.split(";").flatMap((pair) => {
    const [before = "", ...after] = pair.split("=");
    return after.length > 0 && trim(before) === name ? [trim(after.join("="))] : [];
  });
  const keys = [...new Set(values.filter((value) => KEY.test(value)))];
  return keys.slice(0, 2).map((key) => createHash("sha256").update(key).digest("hex"));
}

// Reports: CVE-2019-16782, CVE-2019-25025.
test("no Cookie header throws, and the store is asked for nothing but the hashes of well-formed keys", async () => {
  const asked: string[] = [];
  const inner = memoryStore();
  const store: Store = {
    ...inner,
    read(id, call) {
      asked.push(id);
      return inner.read(id, call);
    },
  };
  const sessions = createSessions({ store });
  await fc.assert(
    fc.asyncProperty(header, fc.boolean(), async (header, secure) => {
      asked.length = 0;
      const session = await sessions.open(header, { secure });
      expect(session.isEmpty).toBe(true);
      expect(asked).toEqual(idsIn(header, secure ? "__Host-sessionid" : "sessionid"));
      session.get("anything");
      expect(await sessions.commit(session, { status: 200 })).toEqual([["Vary", "Cookie"]]);
    }),
    { numRuns: 2000 },
  );
});
