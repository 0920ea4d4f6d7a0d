/** `coatcheck/fastify`: `app.register(session, options)`, then `request.session` in every hook and handler. */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Session } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import type { Options } from "../settings.ts";
import { errorPage } from "./error-page.ts";
import { sessionsOnNode } from "./on-node/default-store.ts";
import { session as accessor, VISIT, Visit } from "./on-node/visit.ts";

declare module "fastify" {
  interface FastifyRequest {
    readonly session: Session;
  }
}

type Headers = ReturnType<FastifyReply["getHeaders"]>;

/**
 * A plugin that opens the session before the first hook runs, and stores it before the response leaves: for the context
 * that registers it, and those within. It takes options, or a `Sessions`; with no store given, sessions live in
 * ./sessions.sqlite3. When the session cannot be read or stored, the error handler gets the error.
 */
export async function session(app: FastifyInstance, options: Options | Sessions): Promise<void> {
  const sessions = sessionsOnNode(options);
  if (sessions !== options) app.addHook("onClose", () => sessions.close());
  if (!app.hasRequestDecorator(VISIT)) {
    app.decorateRequest(VISIT, null);
    app.decorateRequest("session", { getter: accessor.get, setter: accessor.set });
  }
  app.addHook("onRequest", (request, reply, next) => {
    const secure = request.protocol === "https";
    const found = headersOf(reply);
    const failed = (error: unknown) => {
      putHeadersBack(reply, found);
      answer(reply, error);
    };
    const visit = new Visit(sessions, request.raw, reply.raw, failed, { bearer: request, secure });
    visit.begin((isThere) => isThere && next(), next as (error: unknown) => void);
  });
}

// Fastify's conventions for plugins, which fastify-plugin writes: the context that registers this one gets its hooks too.
Object.assign(session, {
  [Symbol.for("skip-override")]: true,
  [Symbol.for("fastify.display-name")]: "coatcheck",
  [Symbol.for("plugin-meta")]: { name: "coatcheck", fastify: ">=5" },
});

/** The headers of a reply, which Fastify keeps beside those of the response. */
function headersOf(reply: FastifyReply): Headers {
  const headers = reply.getHeaders();
  // Fastify grows the list that it finds in place.
  if (Array.isArray(headers["set-cookie"])) headers["set-cookie"] = [...headers["set-cookie"]];
  return headers;
}

function putHeadersBack(reply: FastifyReply, found: Headers): void {
  for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name);
  for (const [name, value] of Object.entries(found)) reply.header(name, value);
}

/** Gives the error to Fastify, which has nothing to do with a reply that was hijacked. */
function answer(reply: FastifyReply, error: unknown): void {
  const { status, headers, body } = errorPage(error);
  // Said here too, for an error that follows on another gets no more than Fastify's last resort.
  if (!reply.sent) reply.code(status).headers(headers).send(error);
  else reply.raw.writeHead(status, { ...headers, "Content-Type": "text/plain; charset=utf-8" }).end(body);
}
