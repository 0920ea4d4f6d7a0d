/** No server at all: `open`, the handler, `commit`, as an adapter calls them. */
import { createSessions, type Session } from "coatcheck";
import type { Answer, Handler, MakeServer } from "./race.ts";

export const plainServer: MakeServer = async (options) => {
  const sessions = createSessions(options);

  async function answer(cookie: string | null, handler: Handler, handled: () => void): Promise<Answer> {
    let session: Session | undefined;
    try {
      session = await sessions.open(cookie, { secure: false });
      const status = (await handler(session)) ?? 200;
      const committed = sessions.commit(session, { status });
      handled();
      const headers = new Headers(await committed);
      return { status, setCookie: headers.get("Set-Cookie"), error: null };
    } catch (error) {
      const { status = 500, name } = error as { status?: number; name: string };
      const headers = session && new Headers(await sessions.commit(session, { status: 500 }).catch(() => []));
      return { status, setCookie: headers?.get("Set-Cookie") ?? null, error: name };
    }
  }

  return {
    send(cookie, handler) {
      const handled = Promise.withResolvers<void>();
      return { handled: handled.promise, answer: answer(cookie, handler, handled.resolve) };
    },
    async close() {},
  };
};
