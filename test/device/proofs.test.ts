/** Whatever a request has in its headers, only the device's own proof is accepted. */
import { memoryStore } from "coatcheck";
import { withSession } from "coatcheck/fetch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Algorithm, Device } from "../instruments/device.ts";
import { MovedClock } from "../instruments/moved-clock.ts";

const PATH = "https://localhost/.coatcheck/__Host-sessionid";

/** A session that is bound to a device and enforced; requests need no server. */
async function bound(algorithm: Algorithm = "ES256") {
  const clock = new MovedClock();
  const serve = withSession(
    { store: memoryStore(), deviceBound: true, clock: clock.read },
    (request, session) => {
      if (request.url.endsWith("/login")) session.login("ada");
      return new Response(session.userId);
    },
  );
  const ask = (url: string, headers: Record<string, string>, method = "GET") =>
    serve(new Request(url, { method, headers }));
  const cookieIn = (response: Response) => response.headers.getSetCookie()[0]?.split(";")[0] as string;

  const device = new Device(algorithm);
  const login = await ask("https://localhost/login", {});
  const key = cookieIn(login);
  const offer = /challenge="([^"]*)"/.exec(
    login.headers.get("Secure-Session-Registration") as string,
  )?.[1] as string;
  const register = (proof: string) =>
    ask(`${PATH}/registration`, { "Secure-Session-Response": proof }, "POST");
  const registered = await register(device.proof(offer, { withKey: true }));
  const challenge = /^"([^"]*)"/.exec(
    registered.headers.get("Secure-Session-Challenge") as string,
  )?.[1] as string;
  const cookies = `${key}; ${cookieIn(registered)}`;
  await ask("https://localhost/", { Cookie: cookies });
  clock.pass(31);
  const refresh = (proof: string, headers: Record<string, string> = {}) =>
    ask(
      `${PATH}/refresh`,
      { "Secure-Session-Response": proof, "Sec-Secure-Session-Id": device.thumbprint, ...headers },
      "POST",
    );
  return { ask, register, refresh, device, offer, challenge, key, cookies };
}

const LETTERS = "ABCXYZabcxyz0189-_.=";

/** A proof with one mistake in it: a letter changed, added, left out or moved, or two parts exchanged. */
const mutation = fc.tuple(
  fc.constantFrom("change", "add", "remove", "swap", "cut", "part"),
  fc.nat(),
  fc.nat(LETTERS.length - 1),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

function mutated(proof: string, [kind, place, letter]: Mutation): string {
  const at = place % proof.length;
  const [before, after] = [proof.slice(0, at), proof.slice(at)];
  const parts = proof.split(".");
  switch (kind) {
    case "change":
      return before + LETTERS[letter] + after.slice(1);
    case "add":
      return before + LETTERS[letter] + after;
    case "remove":
      return before + after.slice(1);
    case "swap":
      return before + (after[1] ?? "") + (after[0] ?? "") + after.slice(2);
    case "cut":
      return before;
    default:
      return [...parts.slice(at % 3), ...parts.slice(0, at % 3)].join(".");
  }
}

describe("of mutated proofs none is accepted", () => {
  test.each(["ES256", "RS256"] as const)(
    "%s",
    async (algorithm) => {
      const { register, refresh, device, offer, challenge } = await bound(algorithm);
      const renewal = device.proof(challenge);
      const registration = device.proof(offer, { withKey: true });
      expect([(await refresh(renewal)).status, (await register(registration)).status]).toEqual([200, 200]);
      await fc.assert(
        fc.asyncProperty(mutation, async (how) => {
          const [renewing, registering] = [mutated(renewal, how), mutated(registration, how)];
          if (renewing !== renewal) expect((await refresh(renewing)).headers.getSetCookie()).toEqual([]);
          if (registering !== registration)
            expect((await register(registering)).headers.getSetCookie()).toEqual([]);
        }),
        { numRuns: 2500 },
      );
    },
    60_000,
  );
});

test("a proof has the type, an algorithm, a strong key and a signature as the browser makes them", async () => {
  const { register, refresh, device, offer, challenge, cookies } = await bound();
  const other = new Device("RS256");
  const weak = new Device("RS256", { bits: 1024 });
  const p384 = new Device("ES256", { curve: "P-384" });
  const k1 = new Device("ES256", { curve: "secp256k1" });
  const payload = (proof: string) => proof.split(".").slice(0, 2).join(".");
  const registrations = {
    "another type": device.proof(offer, { withKey: true, header: { typ: "JWT" } }),
    "the algorithm none": `${payload(device.proof(offer, { withKey: true, header: { alg: "none" } }))}.`,
    "an algorithm of other keys": device.proof(offer, { withKey: true, header: { alg: "RS256" } }),
    "no key": device.proof(offer),
    "no key but null": device.proof(offer, { header: { jwk: null } }),
    "a short RSA key": weak.proof(offer, { withKey: true }),
    "another curve": p384.proof(offer, { withKey: true }),
    "another curve of as many bits": k1.proof(offer, { withKey: true }),
    "no point of the curve": device.proof(offer, { header: { jwk: { ...device.jwk, x: device.jwk.y } } }),
    "a number as a challenge": device.proof(offer, { withKey: true, payload: { jti: 7 } }),
    "a list in place of the payload": `${device.proof(offer, { withKey: true }).split(".")[0]}.W10.AA`,
  };
  for (const [name, proof] of Object.entries(registrations))
    expect([name, (await register(proof)).status]).toEqual([name, 400]);
  // Another key than the session's, which is enforced.
  expect((await register(other.proof(offer, { withKey: true }))).status).toBe(409);

  const text = payload(device.proof(challenge));
  const raw = device.sign(text);
  const half = raw.subarray(0, 32);
  const refreshes = {
    "another key": other.proof(challenge),
    "a key in it": device.proof(challenge, { withKey: true }),
    "no key but null in it": device.proof(challenge, { header: { jwk: null } }),
    "an algorithm of other keys": device.proof(challenge, { header: { alg: "RS256" } }),
    "a text as long as no browser's": device.proof(challenge, { payload: { more: "x".repeat(8000) } }),
    "another type": device.proof(challenge, { header: { typ: "dbsc+JWT" } }),
    "a signature in DER": `${text}.${Buffer.concat([Buffer.from([0x30, 68, 2, 32]), half, Buffer.from([2, 32]), raw.subarray(32)]).toString("base64url")}`,
    "a short signature": `${text}.${raw.subarray(0, 63).toString("base64url")}`,
    "a long signature": `${text}.${Buffer.concat([raw, Buffer.of(0)]).toString("base64url")}`,
    "a signature of zeros": `${text}.${Buffer.alloc(64).toString("base64url")}`,
    padding: `${text}.${raw.toString("base64")}`,
  };
  for (const [name, proof] of Object.entries(refreshes)) {
    const { status, headers } = await refresh(proof, { Cookie: cookies });
    expect([name, status, headers.getSetCookie()]).toEqual([name, 403, []]);
  }
  expect((await refresh(device.proof(challenge))).status).toBe(200);
});

test("garbage in any header opens nothing, and fails no request", async () => {
  const { ask, device, challenge, offer, key, cookies } = await bound();
  const value = fc.oneof(
    fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
      maxLength: 80,
    }),
    fc.constantFrom(
      device.thumbprint,
      challenge,
      offer,
      `"${challenge}"`,
      "..",
      '"',
      "e30.e30.e30",
      "W10.W10.AA",
      `${challenge.split(".")[0]}..`,
      "x".repeat(9000),
    ),
  );
  const header = fc.constantFrom(
    "Secure-Session-Response",
    "Sec-Secure-Session-Id",
    "Secure-Session-Skipped",
    "Sec-Fetch-Dest",
    "Cookie",
  );
  const headers = fc.dictionary(header, value);
  const unfit = value.map((text) => `${key}; __Host-sessionid-device=${text.replaceAll(";", "")}`);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("registration", "refresh"), headers, async (address, headers) => {
      const answer = await ask(`${PATH}/${address}`, headers, "POST");
      expect([200, 400, 403, 503]).toContain(answer.status);
      expect(answer.headers.getSetCookie()).toEqual([]);
    }),
    { numRuns: 1000 },
  );
  await fc.assert(
    fc.asyncProperty(headers, unfit, async (headers, Cookie) => {
      const answer = await ask("https://localhost/", { ...headers, Cookie });
      expect([answer.status, await answer.text()]).toEqual([200, ""]);
    }),
    { numRuns: 1000 },
  );
  expect(await (await ask("https://localhost/", { Cookie: cookies })).text()).toBe("ada");
});
