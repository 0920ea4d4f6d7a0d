/** A worker in module syntax. It makes everything in global scope, where workerd allows no I/O, no timer and no randomness. */
import { memoryStore } from "coatcheck";
import { encryptedCookieStore } from "coatcheck/cookies";
import { application } from "./application.ts";
import { secrets } from "./secrets.ts";

const serve = application({ memory: memoryStore(), cookies: encryptedCookieStore({ secrets }) });

interface Context {
  waitUntil(promise: unknown): void;
}

export default {
  fetch(request: Request, _environment: object, context: Context) {
    const response = serve(request);
    context.waitUntil(response); // else a client that hangs up may stop the write
    return response;
  },
};
