/**
 * A browser whose bound cookie has run out holds its request, proves that it has the key, and gets a new one. That is one read of
 * the store and no write.
 */

import type { StoredSession } from "../contract/ticket.ts";
import { logIdOf } from "../cookie/key.ts";
import type { DeviceAnswer, DeviceRequest, EngineParts } from "../engine/device.ts";
import { tell } from "../events.ts";
import { badRequest, ended, granted, laterAgain, proofNeeded } from "./answer.ts";
import { type BoundDevice, isBound } from "./binding.ts";
import type { BoundCookie } from "./bound-cookie.ts";
import { type Challenge, isGood, parseChallenge } from "./challenge.ts";
import type { Instructions } from "./instructions.ts";
import { thumbprintOf } from "./key.ts";
import type { Found, Lookup } from "./lookup.ts";
import { isSignedBy, type Proof, parseProof } from "./proof.ts";
import { itemIn } from "./structured-field.ts";

export class Refresh {
  readonly #parts: EngineParts;
  readonly #lookup: Lookup;
  readonly #cookie: BoundCookie;
  readonly #instructions: Instructions;

  constructor(parts: EngineParts, lookup: Lookup, cookie: BoundCookie, instructions: Instructions) {
    this.#parts = parts;
    this.#lookup = lookup;
    this.#cookie = cookie;
    this.#instructions = instructions;
  }

  async answer(request: DeviceRequest): Promise<DeviceAnswer> {
    const item = itemIn(request.header("sec-secure-session-id"));
    // A name that cannot be read is not the name of another binding: it must not end this one as over.
    if (item === null) return badRequest;
    const identifier = item || null;
    const proof = parseProof(request.header("secure-session-response"));
    const challenge = proof === null ? null : parseChallenge(proof.challenge);
    if (proof === null || challenge === null) return this.#withoutProof(request, identifier);
    const found = await this.#lookup.byHandle(challenge.handle);
    // The challenge may be older than a change of key; then the cookie, which is newer, leads to the session.
    if (found === "gone") return this.#withoutProof(request, identifier, "gone");
    if (found === "away") return laterAgain;
    if (await this.#lookup.namesAnother(request, challenge.handle, found.session)) return ended(identifier);
    if (!isOf(found.device, identifier)) return ended(identifier);
    return this.#judge(found.session, found.device, proof, challenge);
  }

  /** Asks for a proof where the session cookie leads to the session. `otherwise` is the fate of the session of a challenge. */
  async #withoutProof(
    request: DeviceRequest,
    identifier: string | null,
    otherwise: Found | null = null,
  ): Promise<DeviceAnswer> {
    const found = (await this.#lookup.byCookie(request)) ?? otherwise;
    // Neither proof nor cookie: a browser that was started anew follows a link from another site. The next refresh has the cookie.
    if (found === null || found === "away") return laterAgain;
    if (found === "gone" || !isOf(found.device, identifier)) return ended(identifier);
    return this.#ask(found.session, found.device);
  }

  #judge(session: StoredSession, device: BoundDevice, proof: Proof, challenge: Challenge): DeviceAnswer {
    const now = this.#parts.settings.clock();
    const isValid =
      proof.key === null && isGood(challenge, device, "refresh", now) && isSignedBy(proof, device.k);
    if (!isValid) {
      tell("refused", () => ({ session: logIdOf(session.id), reason: "no valid proof" }));
      return this.#ask(session, device);
    }
    tell("refreshed", () => ({ session: logIdOf(session.id) }));
    return granted([
      ["Set-Cookie", this.#cookie.set(device, now)],
      ["Secure-Session-Challenge", this.#instructions.challenge(session, device, now)],
    ]);
  }

  #ask(session: StoredSession, device: BoundDevice): DeviceAnswer {
    return proofNeeded(this.#instructions.challenge(session, device, this.#parts.settings.clock()));
  }
}

/** Whether a session is bound to the key of this name. A browser may still hold a binding that another has replaced. */
const isOf = (device: Parameters<typeof isBound>[0], identifier: string | null): device is BoundDevice =>
  isBound(device) && (identifier === null || identifier === thumbprintOf(device.k));
