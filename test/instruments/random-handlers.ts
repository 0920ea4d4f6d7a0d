/** Random handlers, for comparisons of one application with and without sessions: the steps they take, and what they note. */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Server as NetServer } from "node:net";
import fc from "fast-check";
import { expect } from "vitest";
import { withJoinedChunks } from "./chunks.ts";
import { ask, settle } from "./loopback.ts";

/** Notes that a callback was called, and with which error. */
export type Told = (name: string) => (error?: unknown) => void;

/** One step of a handler, as it would be written. */
export interface Step<Target> {
  readonly text: string;
  run(target: Target, told: Told): unknown;
}

export const named = <Target>(text: string, run: Step<Target>["run"]): Step<Target> => ({ text, run });

/** Waits for the next turn of the event loop. */
export const turn = named<unknown>("turn", () => new Promise((resolve) => setImmediate(resolve)));

export const codeOf = (error: unknown) =>
  (error as { code?: string } | null | undefined)?.code ?? (error ? `${error}` : "");

/** Takes a step, and notes its result or its error. */
export function take<Target>(step: Step<Target>, target: Target, told: Told, results: string[]): unknown {
  try {
    const result = step.run(target, told);
    results.push(`${step.text}: ${result === target ? "the response" : JSON.stringify(result)}`);
    return result;
  } catch (error) {
    // While held, HTTP/2 refuses with the code of HTTP/1.
    const code = String(codeOf(error)).replace("HTTP2", "HTTP");
    results.push(`${step.text}: ${code} ${(error as Error).constructor.name}`);
    return undefined;
  }
}

/** Compares what each of these gave with what the first of them gave. */
export function expectSame(names: readonly string[], answers: readonly unknown[]): void {
  const [plain, ...others] = answers;
  for (const [place, other] of others.entries()) expect(other, names[place + 1]).toEqual(plain);
}

/** A handler of a framework: its steps, and how it answers. */
export interface Program<Target> {
  readonly steps: readonly Step<Target>[];
  /** Its result is what the handler answers; its error is what the handler throws. */
  readonly ending: Step<Target>;
}

/** The methods by which a handler is asked. */
export const methods = fc.constantFrom("GET", "HEAD", "POST");

/** What happened to a handler. */
export interface Notes {
  /** The results of its steps. */
  readonly results: string[];
  /** What it was told of, in order. */
  readonly events: string[];
}

/** Takes the steps of a handler, and answers as it does. */
export async function play<Target>(
  { steps, ending }: Program<Target>,
  target: Target,
  { results, events }: Notes,
): Promise<unknown> {
  const told = toldTo(events);
  for (const step of steps) {
    try {
      const result = take(step, target, told, results);
      if (result instanceof Promise) await result; // A reply of Fastify can be awaited too, until it is sent.
    } catch (error) {
      results.push(`${step.text}: rejected ${codeOf(error)}`);
    }
  }
  return ending.run(target, told);
}

export const toldTo =
  (events: string[]): Told =>
  (name) =>
  (error) =>
    void events.push(`${name} ${codeOf(error)}`);

/** The events that match, and the others: their order among each other is that of things that run beside each other. */
export const apart = (events: readonly string[], some: RegExp) => [
  events.filter((event) => some.test(event)),
  events.filter((event) => !some.test(event)),
];

interface Serving extends Notes {
  readonly program: unknown;
  readonly over: PromiseWithResolvers<void>;
}

const servings = new Map<string, Serving>();
let count = 0;

/** The program and the notes for the request at this address. */
export function servingAt<Target>(url: string): { program: Program<Target>; notes: Notes } {
  const serving = servings.get(url) as Serving;
  return { program: serving.program as Program<Target>, notes: serving };
}

/** Lets `visit` ask this server. */
export function watch(server: NetServer): void {
  (server as Server).on("request", ({ url }: IncomingMessage, response: ServerResponse) => {
    // A stream that fails late may outlive a response without a body.
    const over = () =>
      settle()
        .then(settle)
        .then(() => servings.get(url ?? "")?.over.resolve());
    response.on("close", over);
  });
}

/** The headers that a session adds to those of the application, or joins with them. */
const ours = /^(?:(?:date|vary|cache-control): .*|set-cookie: sessionid=.*)\r\n/gim;

/** Makes a program ready to be asked for at an address; `forget` ends that. */
export function prepare(program: Program<never>) {
  const url = `/${count++}`;
  const serving: Serving = { program, results: [], events: [], over: Promise.withResolvers() };
  servings.set(url, serving);
  return { url, serving, forget: () => servings.delete(url) };
}

/** Asks the server for an answer by this program; resolves to the bytes, and to what the program noted. */
export async function visit(port: number, method: string, program: Program<never>) {
  const { url, serving, forget } = prepare(program);
  const bytes = await ask(port, `${method} ${url} HTTP/1.1`);
  await serving.over.promise;
  forget();
  const { results, events } = serving;
  // A cookie of the application is spelt as that of the session, where both are there.
  const others = bytes.replace(ours, "").replace(/^set-cookie:/gim, "Set-Cookie:");
  return { bytes: withJoinedChunks(others), results, events };
}
