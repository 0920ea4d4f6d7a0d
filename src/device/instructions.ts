/** The texts by which the server tells a browser of a binding (DBSC, W3C draft): two headers, and the instructions in JSON. */

import type { Device } from "../contract/record-data.ts";
import type { StoredSession } from "../contract/ticket.ts";
import type { DeviceAddress } from "../engine/device.ts";
import type { BoundDevice } from "./binding.ts";
import type { BoundCookie } from "./bound-cookie.ts";
import { challengeFor } from "./challenge.ts";
import { ALGORITHMS, thumbprintOf } from "./key.ts";

/** Milliseconds for which a challenge is good; for a refresh, beyond the life of the bound cookie. */
const CHALLENGE_LIFE = 300_000;

export class Instructions {
  readonly #path: string;
  readonly #cookie: BoundCookie;
  readonly #cookieAge: number;

  constructor(path: string, cookie: BoundCookie, cookieAge: number) {
    this.#path = path;
    this.#cookie = cookie;
    this.#cookieAge = cookieAge * 1000;
  }

  path(address: DeviceAddress): string {
    return `${this.#path}/${address}`;
  }

  /** The value of Secure-Session-Registration: asks the browser to make a key, and to register it. */
  offer({ id }: Pick<StoredSession, "id">, device: Device, now: number): string {
    const challenge = challengeFor(id, device, "registration", now + CHALLENGE_LIFE);
    return `(${ALGORITHMS.join(" ")});path="${this.path("registration")}";challenge="${challenge}"`;
  }

  /** The value of Secure-Session-Challenge: the text to be signed with the next refresh. */
  challenge({ id }: Pick<StoredSession, "id">, device: BoundDevice, now: number): string {
    const challenge = challengeFor(id, device, "refresh", now + this.#cookieAge + CHALLENGE_LIFE);
    return `"${challenge}";id="${thumbprintOf(device.k)}"`;
  }

  /** The body of the answer to a registration. */
  json(device: BoundDevice): string {
    return JSON.stringify({
      session_identifier: thumbprintOf(device.k),
      refresh_url: this.path("refresh"),
      scope: { include_site: false },
      credentials: [{ type: "cookie", name: this.#cookie.name, attributes: this.#cookie.attributes }],
      // Without it, a link from another site would arrive without the bound cookie once that has run out.
      allowed_refresh_initiators: ["*"],
    });
  }
}

/** Ends the binding of this name in the browser. */
export const endOf = (identifier: string | null): string =>
  JSON.stringify({ ...(identifier === null ? {} : { session_identifier: identifier }), continue: false });
