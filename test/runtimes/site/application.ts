/**
 * What every runtime serves. A visitor asks for an act by path: /fetch/memory/count, /hono/sqlite/login?status=303. A test
 * tells a store how to behave: /store/memory?holds=update, and is told what it was asked for until then.
 */
import { tracingChannel } from "node:diagnostics_channel";
import { createSessions, type Session, type Sessions, type Store } from "coatcheck";
import { withSession } from "coatcheck/fetch";
import { type SessionEnv, session } from "coatcheck/hono";
import { Hono } from "hono";
import { type Behaviour, ObservedStore } from "./observed-store.ts";

const acts: Record<string, (session: Session) => unknown> = {
  nothing: () => {},
  read: (session) => session.get("a", null),
  write: (session) => session.set("a", 2).size,
  count: (session) => session.update("visits", (n = 0) => n + 1),
  look: (session) => [session.userId, session.toObject()],
  login: (session) => session.login("ann"),
  logout: (session) => session.logout(),
  isBound: (session) => session.isDeviceBound,
  flush: (session) => session.flush(),
  cycleKey: (session) => session.cycleKey(),
  setExpiry: (session) => session.setExpiry(60),
  async save(session) {
    session.set("a", 1);
    await session.save();
    session.set("b", 2);
  },
};

/** A body whose second part is sent when a change has been stored that came after the first. */
function late(session: Session): ReadableStream<Uint8Array<ArrayBuffer>> {
  const bytes = new TextEncoder();
  return new ReadableStream({
    async start(body) {
      body.enqueue(bytes.encode("one "));
      await new Promise((resolve) => setTimeout(resolve, 20));
      session.set("late", true);
      body.enqueue(bytes.encode(`${await session.save()}`));
      body.close();
    },
  });
}

/** By the handle of their session, the requests that ask for a token, and how often it was made. */
const tokens = new Map<string | null, { asking: number; made: number }>();

/** Makes a token when as many requests as are told ask for it; answers it, and how often one was made. */
async function token(session: Session, requests: number): Promise<unknown> {
  const seen = tokens.get(session.handle) ?? { asking: 0, made: 0 };
  tokens.set(session.handle, seen);
  seen.asking++;
  const value = await session.once("token", async (last = 0) => {
    seen.made++;
    while (seen.asking < requests) await new Promise((resolve) => setTimeout(resolve, 5));
    return last + 1;
  });
  return [value, seen.made];
}

/** A body that goes on until the session has ended or has changed its user. */
function watching(sessions: Sessions, session: Session): ReadableStream<Uint8Array<ArrayBuffer>> {
  const bytes = new TextEncoder();
  const closed = new AbortController();
  const over = sessions.watch(session, { every: 0.1, signal: closed.signal });
  return new ReadableStream({
    start(body) {
      body.enqueue(bytes.encode("watching "));
      over.addEventListener("abort", () => {
        body.enqueue(bytes.encode("over"));
        body.close();
      });
    },
    cancel: () => closed.abort(),
  });
}

async function act(sessions: Sessions, session: Session, request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const name = pathname.split("/")[3] ?? "";
  try {
    if (name === "once") return Response.json(await token(session, Number(searchParams.get("requests"))));
    if (name === "watch") return new Response(watching(sessions, session));
  } catch (error) {
    return new Response(String(error));
  }
  if (name === "stream") {
    session.set("early", true);
    return new Response(late(session));
  }
  const done = await acts[name]?.(session);
  const headers = { "X-Handler": "1", Vary: "Accept-Encoding", "Cache-Control": "public, max-age=60" };
  return Response.json(done ?? null, { status: Number(searchParams.get("status") ?? 200), headers });
}

/** Serves a request; the body of the answer is what the tracing channels told meanwhile. */
async function traced(serve: () => Response | Promise<Response>): Promise<Response> {
  const told: unknown[] = [];
  const subscribers = { asyncEnd: (message: object) => void told.push(message) } as never;
  const channels = ["store", "commit"].map((name) => tracingChannel(`coatcheck:${name}`));
  for (const channel of channels) channel.subscribe(subscribers);
  const { headers } = await serve();
  for (const channel of channels) channel.unsubscribe(subscribers);
  return Response.json(told, { headers: headers.getSetCookie().map((cookie) => ["Set-Cookie", cookie]) });
}

type Serve = (request: Request) => Response | Promise<Response>;

/** Every adapter for every runtime, with one store. */
function adapters(store: Store): Record<string, Serve> {
  const sessions = createSessions({ store, storeTimeout: 3 });
  const hono = new Hono<SessionEnv>();
  hono.use(session(sessions));
  hono.all("*", (c) => act(sessions, c.var.session, c.req.raw));
  const bound = { store, deviceBound: { path: "/bound/memory" } };
  return {
    // Sessions in cookies cannot be bound.
    ...(store.ticket === undefined && {
      bound: withSession(bound, (request, session) => act(sessions, session, request), { trustProxy: true }),
    }),
    fetch: withSession(sessions, (request, session) => act(sessions, session, request)),
    hono: (request) => hono.fetch(request),
    lazy: withSession({ store, lazy: true }, async (request, session) => {
      await session.load();
      return act(sessions, session, request);
    }),
    traced: (request) => traced(() => hono.fetch(request)),
    proxied: withSession(sessions, (request, session) => act(sessions, session, request), {
      trustProxy: true,
    }),
  };
}

/** Made while the program is loaded, when workerd allows neither timers nor randomness. */
export function application(stores: Record<string, Store>): Serve {
  const observed = new Map<string, ObservedStore>();
  const served = new Map<string, Record<string, Serve>>();
  for (const [name, store] of Object.entries(stores)) {
    const watched = new ObservedStore(store);
    observed.set(name, watched);
    served.set(name, adapters(watched.store));
  }

  return (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const [, adapter = "", name = ""] = pathname.split("/");
    const store = observed.get(name);
    if (adapter !== "store") {
      return served.get(name)?.[adapter]?.(request) ?? new Response("not found", { status: 404 });
    }
    if (store === undefined) return new Response("no such store", { status: 404 });
    if (searchParams.has("held")) return Response.json(store.held);
    const { takes = 0, ...behaviour } = Object.fromEntries(searchParams);
    return Response.json(store.behave({ ...(behaviour as Behaviour), takes: Number(takes) }));
  };
}
