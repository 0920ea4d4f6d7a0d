/** `coatcheck/fastify`: `app.register(session, options)`, then `request.session` in every hook and handler. */
import type { FastifyInstance, FastifyReply } from "fastify";
import { SettingsError } from "../errors.ts";
// Renamed, because other packages declare a `Session` of their own in the scope of the declaration below.
import type { Session as VisitorSession } from "../session.ts";
import { ENGINE, type Sessions } from "../sessions.ts";
import type { Options } from "../settings/options.ts";
import { errorPage } from "./error-page.ts";
import { sessionsOnNode } from "./on-node/default-store.ts";
import { sendErrorPage } from "./on-node/send-error-page.ts";
import { session as accessor, VISIT, Visit } from "./on-node/visit.ts";

declare module "fastify" {
  interface FastifyRequest {
    readonly session: VisitorSession;
  }
}

type Headers = ReturnType<FastifyReply["getHeaders"]>;

/**
 * A plugin that opens the session before the first hook runs, and stores it before the response leaves: for the context
 * that registers it, and those within. It takes options, or a `Sessions`; with no store given, sessions live in
 * ./sessions.sqlite3. When the session cannot be read or stored, the error handler gets the error. `app.close()` closes
 * what `options` made, and leaves a `Sessions` alone. Throws SettingsError for options that cannot work.
 */
export async function session(app: FastifyInstance, options: Options | Sessions): Promise<void> {
  if (typeof app?.addHook !== "function") {
    throw new SettingsError(
      "options",
      "an object beside the plugin: write app.register(session, options), not app.register(session(options))",
    );
  }
  const sessions = sessionsOnNode(options);
  if (sessions !== options) app.addHook("onClose", () => sessions.close());
  if (!app.hasRequestDecorator(VISIT)) {
    app.decorateRequest(VISIT, null);
    app.decorateRequest("session", { getter: accessor.get, setter: accessor.set });
  }
  addDeviceRoutes(app, sessions[ENGINE].devicePath);
  app.addHook("onRequest", (request, reply, next) => {
    const secure = request.protocol === "https";
    const found = headersOf(reply);
    const failed = (error: unknown) => {
      putHeadersBack(reply, found);
      answer(reply, error);
    };
    const visit = new Visit(sessions, request.raw, reply.raw, failed, {
      bearer: request,
      secure,
      url: request.originalUrl,
    });
    visit.begin((isThere) => isThere && next(), next as (error: unknown) => void);
  });
}

// Fastify's conventions for plugins, as fastify-plugin writes them: the hooks hold for the context that registers this.
Object.assign(session, {
  [Symbol.for("skip-override")]: true,
  [Symbol.for("fastify.display-name")]: "coatcheck",
  [Symbol.for("plugin-meta")]: { name: "coatcheck", fastify: ">=5" },
});

/**
 * The hook above answers the browser at the two addresses of a binding. But without a route at an address, Fastify calls no hook of a
 * context with a prefix.
 */
function addDeviceRoutes(app: FastifyInstance, path: string | null): void {
  if (path === null) return;
  for (const url of [`${path}/registration`, `${path}/refresh`]) {
    // The same `Sessions` is registered in an outer context too.
    if (app.hasRoute({ method: "POST", url })) continue;
    if (!url.startsWith(app.prefix)) {
      const takes = `a path under ${app.prefix}, the prefix of the context in which session is registered`;
      throw new SettingsError("deviceBound.path", takes, path);
    }
    app.post(url.slice(app.prefix.length), (_request, reply) => reply.code(404).send());
  }
}

/** The headers of a reply: Fastify keeps them apart from those of the response. */
function headersOf(reply: FastifyReply): Headers {
  const headers = reply.getHeaders();
  // A copy, because Fastify adds to the list that it finds.
  if (Array.isArray(headers["set-cookie"])) headers["set-cookie"] = [...headers["set-cookie"]];
  return headers;
}

function putHeadersBack(reply: FastifyReply, found: Headers): void {
  for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name);
  for (const [name, value] of Object.entries(found)) reply.header(name, value);
}

/** Gives the error to Fastify's error handler, which does not answer a reply that was hijacked. */
function answer(reply: FastifyReply, error: unknown): void {
  const { status, headers } = errorPage(error);
  if (reply.sent) sendErrorPage(reply.raw, error);
  // Fastify calls no error handler for a second error, and its last resort takes status and headers from the reply.
  else reply.code(status).headers(headers).send(error);
}
