/** The watch over secrets sees what it is there for: `secrets.ts` watches every test file, and this one has something to hide. */
import { channel } from "node:diagnostics_channel";
import { createSessions, memoryStore } from "coatcheck";
import { encryptedCookieStore } from "coatcheck/cookies";
import { expect, test } from "vitest";
import { checkJson } from "../../src/data/json.ts";
import { Browser } from "../instruments/browser.ts";
import { takeLeaks } from "./secrets.ts";

const PASSWORD = ["hunt", "er2"].join("");

async function visited(store = memoryStore()) {
  const browser = new Browser(createSessions({ store }));
  await browser.visit((session) => session.set("a", 1));
  return browser.key as string;
}

/** An error of ours that names a key of the session's data. */
const refuse = (name: string) => expect(() => checkJson(Number.NaN, name)).toThrow(name);

test("a key that is printed, warned of, told by an event or in the message of an error of ours fails the file", async () => {
  const key = await visited();
  console.error({ request: { cookie: `sessionid=${key}` } });
  expect(takeLeaks().join()).toMatch("a session key in console.error");
  process.stdout.write(`${key}\r`);
  expect(takeLeaks().join()).toMatch("a session key in what is printed");
  process.emitWarning(`Cookie: sessionid=${key}`);
  await new Promise((resolve) => setImmediate(resolve));
  expect(takeLeaks().join()).toMatch("a session key in a warning");
  channel("coatcheck:ended").publish({ session: key });
  expect(takeLeaks().join()).toMatch("a session key in the event ended");
  refuse(key);
  expect(takeLeaks().join()).toMatch("a session key in the message of");
});

test("so does a password, and a sealed cookie", async () => {
  const sealed = await visited(encryptedCookieStore({ secrets: [PASSWORD.repeat(10)] }) as never);
  takeLeaks();
  for (const [text, secret] of [
    [`mysql://root:${PASSWORD}@localhost`, "a password"],
    [`sessionid=${sealed}`, "a sealed cookie"],
  ]) {
    console.log(text);
    expect(takeLeaks().join()).toMatch(`${secret} in console.log`);
    refuse(`${text}`);
    expect(takeLeaks().join()).toMatch(`${secret} in the message of`);
  }
});

test("a name that is no key of a session does not, nor does an error that a test makes", async () => {
  const key = await visited();
  console.log("abcdefghijklmnopqrstuvwxyz012345", key.slice(1), `${key}0`);
  new Error(key);
  expect(takeLeaks()).toEqual([]);
});
