import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { SettingsError } from "../../errors.ts";
import { type SessionRequest, session } from "../../frameworks/node.ts";
import { createSessions, type Sessions } from "../../sessions.ts";
import { memoryStore } from "../../stores/memory.ts";
import { page } from "../demo/page.ts";
import { EXIT } from "../exit.ts";
import { untilInterrupted } from "../interrupt.ts";

const LARGEST_FORM = 4096; // bytes
const SLOW_MS = 800;

/** Serves a small site on which sessions can be seen at work, in memory and to this machine alone, until Ctrl-C. */
export async function demo({ port }: { readonly port: number }): Promise<number> {
  const sessions = createSessions({ store: memoryStore() });
  const server = createServer(session(sessions, (req, res) => answer(sessions, req, res)));
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new SettingsError("--port", `a port that is free; another program listens on ${port}`);
  }
  console.log(`http://localhost:${(server.address() as AddressInfo).port}   (Ctrl-C ends it)`);
  await untilInterrupted((signal) => once(signal, "abort").then(() => {}));
  server.close();
  server.closeAllConnections();
  await sessions.close();
  return EXIT.DONE;
}

async function answer(sessions: Sessions, req: SessionRequest, res: ServerResponse): Promise<void> {
  const { session } = req;
  switch (`${req.method} ${req.url}`) {
    case "GET /": {
      const visits = session.update("visits", (n = 0) => n + 1);
      const devices = session.userId === null ? [] : await sessions.listUserSessions(session.userId);
      res.setHeader("Content-Type", "text/html; charset=utf-8");
      res.end(page({ visits, count: session.get("count", 0), devices, session }));
      return;
    }
    case "GET /state":
      return json(res, { count: session.get("count", 0), user: session.userId });
    case "POST /count":
      return json(res, { count: session.update("count", (n = 0) => n + 1) });
    case "POST /slow":
      await sleep(SLOW_MS);
      session.set("slow", true);
      return json(res, {});
    case "POST /login": {
      const name = (await formOf(req)).get("name")?.trim().slice(0, 100);
      if (name) session.login(name, { label: req.headers["user-agent"] });
      return back(res);
    }
    case "POST /logout":
      session.logout();
      return back(res);
    case "POST /end": {
      const handle = (await formOf(req)).get("handle") ?? "";
      if (session.userId !== null) await sessions.revoke(handle, { userId: session.userId });
      return back(res);
    }
    default:
      res.writeHead(404).end("There is one page: /");
  }
}

const json = (res: ServerResponse, value: object) =>
  void res.setHeader("Content-Type", "application/json").end(JSON.stringify(value));

const back = (res: ServerResponse) => void res.writeHead(303, { Location: "/" }).end();

async function formOf(req: IncomingMessage): Promise<URLSearchParams> {
  // Browsers state how long a form is, and Node reads no more than was stated.
  const isSmall = Number(req.headers["content-length"]) <= LARGEST_FORM;
  return new URLSearchParams(isSmall ? await text(req) : "");
}
