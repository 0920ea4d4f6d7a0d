/** The middleware: the session of a request by its cookie, or a new one. */
import { readCookie } from "../../cookie/cookie.ts";
import type { Signature } from "../../cookie/signature.ts";
import { type SessionRequest, VISIT } from "./contract.ts";
import { decode } from "./cookie-header.ts";
import { newCookie, readOptions, type SessionOptions, signatureOf } from "./options.ts";
import { Session } from "./session.ts";
import type { Middleware } from "./types.ts";
import { isSecure, Visit } from "./visit.ts";

/** Makes the middleware. Throws a TypeError for options that cannot work. */
export function session(options: SessionOptions = {}): Middleware {
  const settings = readOptions(options);
  const { store, name, cookieOf, proxy } = settings;
  let isConnected = true;
  store.on("disconnect", () => {
    isConnected = false;
  });
  store.on("connect", () => {
    isConnected = true;
  });

  // A request that has come through a `session()` gets its sessions by that one's options; any other, by those of the last
  // `session()` on this store.
  store.generate = (given) => {
    const request = given as SessionRequest;
    const visit = request[VISIT];
    if (visit instanceof Visit) {
      visit.generate(() => new Session(request));
      return;
    }
    request.sessionID = settings.newId(request);
    request.session = new Session(request);
    request.session.cookie = newCookie(cookieOf(request), isSecure(request, proxy));
  };

  return function session(given, response, next) {
    const request = given as SessionRequest;
    if (request.session || !isConnected) return next();
    const cookie = cookieOf(request);
    if (!isBelow(cookie.path || "/", request)) return next();
    const signature = settings.signature ?? signatureOf(request.secret);
    if (signature === null)
      return next(new Error("The option secret is required: it signs the session cookie."));
    const id = presentedId(request, name, signature);
    new Visit(settings, request, response, next, { signature, cookie, id }).begin();
  };
}

/** Whether the browser asked for something below a path, wherever the middleware is mounted. */
function isBelow(path: string, request: SessionRequest): boolean {
  const url = request.originalUrl || request.url || "/";
  if (!url.startsWith("/")) return (URL.canParse(url) ? new URL(url).pathname : url).startsWith(path);
  return path === "/" || (url.split(/[?#]/, 1)[0] as string).startsWith(path);
}

/** The id in the signed cookie of a request; null where there is none, or it was not signed by one of the secrets. */
function presentedId(request: SessionRequest, name: string, signature: Signature): string | null {
  for (const value of readCookie(request.headers?.cookie, name)) {
    const id = signature.unsign(value, decode);
    if (id) return id;
  }
  const signed = request.signedCookies?.[name];
  if (signed) return String(signed);
  const plain = request.cookies?.[name];
  return typeof plain === "string" ? signature.unsign(plain) : null;
}
