import type { StoreId } from "../../contract/record.ts";
import type { CookieOptions } from "../../settings/options.ts";
import type { Context, SiteOptions } from "../context.ts";
import { EXIT } from "../exit.ts";
import { problemOf } from "../problem.ts";
import { number } from "../words.ts";

interface Finding {
  readonly about: string;
  readonly state: "good" | "advice" | "wrong";
  readonly says: string;
}

const finding = (about: string, state: Finding["state"], says: string): Finding => ({ about, state, says });

/** An id that no session has. */
const NO_SESSION = "0".repeat(64) as StoreId;

/** How far clocks may be apart, milliseconds. Beyond this, servers disagree about which sessions have expired. */
const CLOCKS_MAY_DIFFER_MS = 2000;

/** Looks at the store, at its clock, and at the settings of the site where they are given, and says what to mend. */
export async function doctor(context: Context, { cookie, deviceBound }: SiteOptions) {
  const findings = [
    ...(await storeFindings(context)),
    ...(await clockFindings(context)),
    ...(await backlogFindings(context)),
    ...cookieFindings(cookie),
    ...(deviceBound ? [deviceFinding] : []),
  ];
  const isWell = findings.every(({ state }) => state !== "wrong");
  const signs = { good: "ok     ", advice: "advice ", wrong: "WRONG  " };
  const lines = findings.map(
    ({ about, state, says }) => `${signs[state]} ${about}: ${says.replaceAll("\n", "\n        ")}`,
  );
  context.tell({ ok: isWell, findings }, lines.join("\n"));
  return isWell ? EXIT.DONE : EXIT.FAILED;
}

/** The faults that the store's own check finds, and the warnings that it gives. */
async function storeFindings({ store, within }: Context): Promise<Finding[]> {
  const findings: Finding[] = [];
  const note = (warning: Error) => {
    if (warning.name === "CoatcheckWarning") findings.push(finding("store", "advice", warning.message));
  };
  process.on("warning", note);
  try {
    await within(async (call) => {
      if (store.check) await store.check(call);
      else await store.read(NO_SESSION, call);
    });
    await new Promise((resolve) => setImmediate(resolve)); // Node emits a warning on its next tick.
    findings.push(finding("store", "good", "it can be reached, and can serve"));
  } catch (error) {
    findings.push(finding("store", "wrong", problemOf(error)));
  } finally {
    process.off("warning", note);
  }
  if (store.capabilities?.compareAndSet === false) {
    findings.push(
      finding("store", "advice", "it cannot compare and set: two servers can lose each other's changes"),
    );
  }
  return findings;
}

async function clockFindings({ store, within }: Context): Promise<Finding[]> {
  const ask = store.serverTime;
  if (ask === undefined) return [];
  try {
    const before = Date.now();
    const theirs = await within(ask);
    const after = Date.now();
    // Some servers give whole seconds.
    const off = Math.max(0, before - (theirs + 1000), theirs - after);
    if (off <= CLOCKS_MAY_DIFFER_MS)
      return [finding("clock", "good", "this machine and the store's server agree")];
    const says = `this machine and the store's server are ${number(Math.round(off / 1000))} s apart. Let both keep time by NTP: sessions expire by the clock of your servers.`;
    return [finding("clock", "wrong", says)];
  } catch (error) {
    return [finding("clock", "advice", `the store's server did not tell its time: ${problemOf(error)}`)];
  }
}

async function backlogFindings({ sessions, store }: Context): Promise<Finding[]> {
  if (store.clearExpired === undefined || store.stats === undefined) return [];
  try {
    const { live, expired } = await sessions.stats();
    if (expired === null || expired < 10_000 || expired < (live ?? 0)) return [];
    const says = `${number(expired)} expired sessions wait. Run coatcheck clear-expired, and leave clearExpiredEvery on.`;
    return [finding("clearing", "advice", says)];
  } catch {
    return []; // The check of the store has said why.
  }
}

/** Finds settings that work and are unwise. Settings that cannot work were refused before. */
function cookieFindings(cookie: CookieOptions | undefined): Finding[] {
  if (cookie === undefined) return [];
  const { name = "", secure = "auto", httpOnly = true, sameSite = "lax", domain } = cookie;
  const advice: [boolean, string][] = [
    [secure === false, "secure is false, so the cookie crosses the net in the clear. Leave it at auto."],
    [!httpOnly, "httpOnly is false, so any script in a page can read the key. Leave it on."],
    [
      sameSite === "none",
      "sameSite is none, so other sites can act in the visitor's name unless every form has a token.",
    ],
    [
      domain !== undefined,
      "a domain sends the cookie to every host beneath it. Leave it out where one host is enough.",
    ],
    [
      name !== "" && !/^__(host|secure)-/i.test(name),
      "the name has no __Host- before it, so a neighbouring host can set the cookie. Leave name out, or begin it so.",
    ],
  ];
  const unwise = advice.filter(([applies]) => applies).map(([, says]) => finding("cookie", "advice", says));
  return unwise.length > 0 ? unwise : [finding("cookie", "good", "its settings fit together")];
}

/** A store or cookie that cannot bind sessions was refused before. The rest of what it takes cannot be seen from here. */
const deviceFinding = finding(
  "device",
  "advice",
  "this store and these settings can bind sessions to devices. Browsers bind over https only: where a proxy speaks https for the site, " +
    'let the framework trust it (in Express: app.set("trust proxy", 1)), and let it pass POST requests to the path of the binding.',
);
