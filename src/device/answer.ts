/** The answers at the two addresses of a binding. They tell other sites nothing, and set no cookie but the bound one. */
import type { Header } from "../engine/announcer.ts";
import type { DeviceAnswer } from "../engine/device.ts";
import { endOf } from "./instructions.ts";

const ALWAYS: readonly Header[] = [
  ["Cache-Control", "private, no-store"],
  ["Cross-Origin-Resource-Policy", "same-origin"],
];

const answer = (status: number, headers: readonly Header[] = [], body = ""): DeviceAnswer => ({
  status,
  headers: [...ALWAYS, ...headers],
  body,
});

const json = (body: string, headers: readonly Header[] = []): DeviceAnswer =>
  answer(200, [["Content-Type", "application/json"], ...headers], body);

/** The binding holds: the body is the instructions, or empty. */
export const granted = (headers: readonly Header[], instructions?: string): DeviceAnswer =>
  instructions === undefined ? answer(200, headers) : json(instructions, headers);

/** The session has ended or is another one: the browser forgets the binding. */
export const ended = (identifier: string | null): DeviceAnswer => json(endOf(identifier));

/** The browser tries again with the next request that needs the bound cookie, and keeps the binding. */
export const laterAgain: DeviceAnswer = answer(503, [["Retry-After", "1"]]);

/** Asks for a proof with this challenge. */
export const proofNeeded = (challenge: string): DeviceAnswer =>
  answer(403, [["Secure-Session-Challenge", challenge]]);

/** The request is none that a browser makes. */
export const badRequest: DeviceAnswer = answer(400);

/** The session is bound to another key. */
export const alreadyBound: DeviceAnswer = answer(409);

export const wrongMethod: DeviceAnswer = answer(405, [["Allow", "POST"]]);
