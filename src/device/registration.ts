/**
 * A browser registers the public key of its device, 10 to 200 ms after the header that asked for it: beside the page that follows the
 * login, before it or after it. So the key is stored by a compare-and-set that is made again on what other requests have stored.
 */
import type { StoredRecord } from "../contract/record.ts";
import type { Device, DeviceKey } from "../contract/record-data.ts";
import type { StoredSession } from "../contract/ticket.ts";
import { logIdOf } from "../cookie/key.ts";
import type { DeviceAnswer, DeviceRequest, EngineParts } from "../engine/device.ts";
import { Trail } from "../engine/guarded-store.ts";
import { NothingToWrite } from "../engine/nothing-to-write.ts";
import { tell } from "../events.ts";
import { alreadyBound, badRequest, ended, granted, laterAgain } from "./answer.ts";
import { deviceOf, isBound, isEnforced, withDevice } from "./binding.ts";
import type { BoundCookie } from "./bound-cookie.ts";
import { isGood, parseChallenge } from "./challenge.ts";
import type { Instructions } from "./instructions.ts";
import { thumbprintOf } from "./key.ts";
import type { Lookup } from "./lookup.ts";
import { isSignedBy, parseProof } from "./proof.ts";

/** Thrown within the write where the session is bound to another key for good. */
class BoundToAnother extends Error {}

/** Thrown within the write where the session has no secret any more, or another than that of the challenge. */
class NotBindable extends Error {}

export class Registration {
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
    const proof = parseProof(request.header("secure-session-response"));
    const challenge = proof === null ? null : parseChallenge(proof.challenge);
    if (proof === null || proof.key === null || challenge === null) return badRequest;
    const identifier = thumbprintOf(proof.key);
    const found = await this.#lookup.byHandle(challenge.handle);
    if (found === "away") return laterAgain;
    if (found === "gone") return ended(identifier);
    const { session, device } = found;
    if (await this.#lookup.namesAnother(request, challenge.handle, session)) return ended(identifier);
    const now = this.#parts.settings.clock();
    if (device === null || !isGood(challenge, device, "registration", now) || !isSignedBy(proof, proof.key)) {
      tell("refused", () => ({ session: logIdOf(session.id), reason: "no valid proof" }));
      return badRequest;
    }
    try {
      const bound = await this.#store(session, device, proof.key);
      return bound === null ? ended(identifier) : this.#grant(bound);
    } catch (error) {
      if (error instanceof BoundToAnother) return alreadyBound;
      if (error instanceof NotBindable) return ended(identifier);
      throw error;
    }
  }

  #grant(session: StoredSession): DeviceAnswer {
    const device = deviceOf(session.record);
    if (!isBound(device)) throw new NotBindable();
    const now = this.#parts.settings.clock();
    return granted(
      [
        ["Set-Cookie", this.#cookie.set(device, now)],
        // The browser keeps it, so that its first refresh takes one trip.
        ["Secure-Session-Challenge", this.#instructions.challenge(session, device, now)],
      ],
      this.#instructions.json(device),
    );
  }

  /** Stores the key, wherever the session has moved to, and resolves to the session; null where it has ended. */
  async #store(session: StoredSession, { s }: Device, key: DeviceKey): Promise<StoredSession | null> {
    const { store, writers, settings } = this.#parts;
    const deadline = store.deadline();
    const trail = new Trail();
    const next = (record: StoredRecord): StoredRecord => {
      const device = deviceOf(record);
      if (device?.s !== s) throw new NotBindable();
      const now = settings.clock();
      if (isBound(device)) {
        // Browsers send a registration again when its answer was lost.
        if (thumbprintOf(device.k) === thumbprintOf(key)) throw new NothingToWrite(record);
        if (isEnforced(device, now)) throw new BoundToAnother();
      }
      return withDevice(record, { ...device, k: key, at: now });
    };
    for (let at = session; ; ) {
      try {
        const written = await writers.write(at.id, { known: session.record, next, deadline });
        if (written === "gone") return null;
        if ("record" in written) {
          const { userId } = written.record;
          tell("bound", () => ({ session: logIdOf(at.id), userId }));
          return { ...at, record: written.record };
        }
        trail.step(written.movedTo);
        at = { ...at, id: written.movedTo };
      } catch (error) {
        if (!(error instanceof NothingToWrite)) throw error;
        return { ...at, record: error.there };
      }
    }
  }
}
