/** The races of test/races over every framework. */
import { createSessions, memoryStore, type Session, type Sessions } from "coatcheck";
import { ENGINE } from "../../src/sessions.ts";
import { Visitor } from "../instruments/visitor.ts";
import type { Answer, Handler, MakeServer } from "../races/race.ts";
import { raceTests } from "../races/race-tests.ts";
import type { Adapter } from "./adapters/adapter.ts";
import { everyAdapter } from "./adapters/every-adapter.ts";

/** One request: the handler to run in it, and its result. */
interface Turn {
  readonly handler: Handler;
  readonly handled: () => void;
  error: string | null;
}

/** Notes when each commit begins, and how it fails. Adapters commit by the engine of a `Sessions`. */
function overhearCommits(sessions: Sessions, turns: WeakMap<Session, Turn>): Sessions {
  const engine = sessions[ENGINE];
  const sessionsOf = new WeakMap<object, Session>();
  const { commit, sessionOf } = engine;
  engine.sessionOf = (draft) => {
    const session = sessionOf.call(engine, draft);
    sessionsOf.set(draft, session);
    return session;
  };
  engine.commit = (draft, status) => {
    const turn = turns.get(sessionsOf.get(draft) as Session);
    const headers = commit.call(engine, draft, status);
    turn?.handled();
    Promise.resolve(headers).catch((error) => {
      if (turn !== undefined) turn.error = error.name;
    });
    return headers;
  };
  return sessions;
}

/** A server whose handlers are functions of the test; each request carries the number of its handler. */
function serverOf(adapter: Adapter): MakeServer {
  return async (options) => {
    const turns: Turn[] = [];
    const begun = new WeakMap<Session, Turn>();
    const { port, close } = await adapter.start({
      sessions: [overhearCommits(createSessions(options), begun)],
      async handler({ session, path }) {
        const turn = turns[Number(path.slice(1))] as Turn;
        begun.set(session, turn);
        try {
          return { status: (await turn.handler(session)) ?? 200 };
        } catch (error) {
          turn.error = (error as Error).name;
          throw error;
        }
      },
    });

    async function answer(number: number, cookie: string | null): Promise<Answer> {
      const visitor = new Visitor(port);
      visitor.cookie = cookie ?? undefined;
      const { status, setCookie } = await visitor.visit(`/${number}`);
      return { status, setCookie: setCookie[0] ?? null, error: turns[number]?.error ?? null };
    }

    return {
      send(cookie, handler) {
        const handled = Promise.withResolvers<void>();
        const number = turns.push({ handler, handled: handled.resolve, error: null }) - 1;
        return { handled: handled.promise, answer: answer(number, cookie) };
      },
      close,
    };
  };
}

for (const adapter of everyAdapter) raceTests(adapter.name, serverOf(adapter), () => memoryStore());
