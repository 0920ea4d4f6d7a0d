/**
 * The keys of sessions and the IVs of all encryption are random: by their letters and bytes, by their bits, and as no two are the same.
 * A source that is truly random passes each bound but once in 5 × 10¹¹ times, so that the file fails by chance less than once in 10⁹ runs.
 */
import { createSessions, memoryStore, type Store, type StoredRecord, type StoreId } from "coatcheck";
import { encryptedCookieStore } from "coatcheck/cookies";
import { encryptedStore } from "coatcheck/encrypted";
import { describe, expect, test } from "vitest";
import { newKey } from "../../src/cookie/key.ts";
import { Browser } from "../instruments/browser.ts";

/** Standard deviations. */
const FAR = 7;

/** How far counts are from all being the same: Pearson's chi-square, as standard deviations of a normal variable (Wilson and Hilferty). */
function unevenness(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const square = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const degrees = counts.length - 1;
  const spread = 2 / (9 * degrees);
  return ((square / degrees) ** (1 / 3) - 1 + spread) / Math.sqrt(spread);
}

/** How far the number of ones is from half of the bits, in standard deviations. */
const bias = (ones: number, bits: number) => Math.abs(ones - bits / 2) / (Math.sqrt(bits) / 2);

const zeros = (length: number) => new Array<number>(length).fill(0);

const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";

describe("of a million keys", { timeout: 60_000 }, () => {
  const keys = Array.from({ length: 1_000_000 }, newKey);

  test("no two are the same, and each is 32 letters of the 36", () => {
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.every((key) => /^[a-z0-9]{32}$/.test(key))).toBe(true);
  });

  test("every letter is as frequent as any other, at each place and after each other letter", () => {
    const numbers = new Map([...ALPHABET].map((letter, number) => [letter.charCodeAt(0), number]));
    const places = Array.from({ length: 32 }, () => zeros(36));
    const pairs = zeros(36 * 36);
    const bits = zeros(5);
    let five = 0;
    for (const key of keys) {
      let before = 0;
      for (let place = 0; place < 32; place++) {
        const number = numbers.get(key.charCodeAt(place)) as number;
        const counts = places[place] as number[];
        counts[number] = (counts[number] as number) + 1;
        if (place > 0) pairs[before * 36 + number] = (pairs[before * 36 + number] as number) + 1;
        before = number;
        // The first 32 letters of the alphabet stand for five bits each.
        if (number >= 32) continue;
        five += 1;
        for (let bit = 0; bit < 5; bit++) bits[bit] = (bits[bit] as number) + ((number >> bit) & 1);
      }
    }
    for (const counts of places) expect(unevenness(counts)).toBeLessThan(FAR);
    expect(unevenness(pairs)).toBeLessThan(FAR);
    for (const ones of bits) expect(bias(ones, five)).toBeLessThan(FAR);
    expect(
      bias(
        bits.reduce((sum, ones) => sum + ones),
        5 * five,
      ),
    ).toBeLessThan(FAR);
  });
});

function expectRandom(ivs: readonly Buffer[]): void {
  expect(new Set(ivs.map((iv) => iv.toString("hex"))).size).toBe(ivs.length);
  const bytes = zeros(256);
  const bits = zeros(96);
  for (const iv of ivs) {
    expect(iv).toHaveLength(12);
    for (const [place, byte] of iv.entries()) {
      bytes[byte] = (bytes[byte] as number) + 1;
      for (let bit = 0; bit < 8; bit++)
        bits[place * 8 + bit] = (bits[place * 8 + bit] as number) + ((byte >> bit) & 1);
    }
  }
  expect(unevenness(bytes)).toBeLessThan(FAR);
  for (const ones of bits) expect(bias(ones, ivs.length)).toBeLessThan(FAR);
  expect(
    bias(
      bits.reduce((sum, ones) => sum + ones),
      96 * ivs.length,
    ),
  ).toBeLessThan(FAR);
}

const secrets = ["a secret of at least thirty-two characters"];

test("the IVs of encryptedStore are random, and no two are the same", async () => {
  const ivs: Buffer[] = [];
  const inner: Store = {
    ...memoryStore(),
    async create(_id: StoreId, { data }: StoredRecord) {
      ivs.push(Buffer.from(data.slice(data.indexOf(".") + 1), "base64url").subarray(0, 12));
      return true;
    },
  };
  const sessions = createSessions({ store: encryptedStore({ store: inner, secrets }) });
  for (let n = 0; n < 10_000; n++) {
    const session = await sessions.open(null, { secure: true });
    session.set("a", 1);
    await sessions.commit(session, { status: 200 });
  }
  expectRandom(ivs);
});

test("the IVs of encryptedCookieStore are random, and no two are the same", async () => {
  const browser = new Browser(createSessions({ store: encryptedCookieStore({ secrets }) }));
  const ivs: Buffer[] = [];
  for (let n = 0; n < 10_000; n++) {
    browser.jar.clear();
    await browser.visit((session) => session.set("a", 1));
    ivs.push(Buffer.from((browser.key as string).split(".")[2] as string, "base64url"));
  }
  expectRandom(ivs);
});

test("a generator with a fault is found: a letter too frequent by a fiftieth, a bit that sticks now and then", () => {
  const fair = Array.from({ length: 36 }, () => 900_000);
  expect(unevenness(fair)).toBeLessThan(0);
  expect(unevenness(fair.with(3, 918_000))).toBeGreaterThan(FAR);
  expect(bias(1_000_000 * 0.505, 1_000_000)).toBeGreaterThan(FAR);
});
