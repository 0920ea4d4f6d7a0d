import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { pipeline, Readable } from "node:stream";
import type { Session } from "coatcheck";
import { session } from "coatcheck/express";
import express from "express";
import express4 from "express4";
import { type Adapter, running, type Site } from "./adapter.ts";

function onExpress(name: string, make: typeof express): Adapter {
  return {
    name,
    answersErrors: true,
    hints: true,
    holds: true,
    async start({ sessions, handler, tls, trustProxy }: Site) {
      const app = make();
      app.set("env", "test"); // or it logs every error
      if (trustProxy) app.set("trust proxy", 1);
      const opened = new WeakMap<object, Session[]>();
      for (const one of sessions) {
        app.use(session(one), (req, _res, next) => {
          opened.set(req, [...(opened.get(req) ?? []), req.session]);
          next();
        });
      }
      // Express 4 does not wait for handlers.
      app.use((req, res, next) => {
        const visit = {
          session: req.session,
          sessions: opened.get(req) as Session[],
          path: req.path,
          hint: (link: string) => res.writeEarlyHints({ link }),
          takeOver: () => ({ request: req, response: res }),
        };
        (async () => {
          const page = await handler(visit);
          if (page === "answered") return;
          const { status = 200, headers = {}, body } = page;
          res.status(status).set(headers);
          if (body === undefined) res.end();
          else if (typeof body === "string") res.send(body);
          else pipeline(Readable.from(body), res, () => {});
        })().catch(next);
      });
      return running(tls ? createTlsServer(tls, app) : createServer(app));
    },
  };
}

export const adapters = [
  onExpress("Express 5", express),
  onExpress("Express 4", express4 as unknown as typeof express),
];
