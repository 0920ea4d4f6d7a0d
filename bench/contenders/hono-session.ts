import { type SessionEnv, useSession, useSessionStorage } from "@hono/session";
import { type Handler, Hono } from "hono";
import { NAME, type Visitor, visitor } from "../visitor.ts";
import { type Open, type Routes, SECRET } from "./contender.ts";
import { bytesOf, serve } from "./hono.ts";

type Data = Visitor & Record<string, unknown>;
type Env = SessionEnv<Data>;

const routes: Routes<Handler<Env>> = {
  none: (c) => c.text(NAME),
  read: async (c) => c.text((await c.var.session.get())?.name ?? ""),
  write: async (c) => {
    let visits = 0;
    await c.var.session.update((data) => {
      visits = (data?.visits ?? 0) + 1;
      return { ...(data as Data), visits };
    });
    return c.text(`${visits}`);
  },
  fill: async (c) => {
    await c.var.session.update({ ...visitor(bytesOf(c)) });
    return c.text("filled");
  },
};

/** In memory, by the smallest storage that fits its readme. */
export const honoSession: Open = () => {
  const kept = new Map<string, Data>();
  const storage = {
    get: (key: string) => kept.get(key) ?? null,
    set: (key: string, data: Data) => void kept.set(key, data),
    delete: (key: string) => void kept.delete(key),
  };
  const app = new Hono<Env>();
  app.use(useSessionStorage(storage), useSession({ secret: Buffer.alloc(32, SECRET).toString("hex") }));
  return serve(routes, app);
};
