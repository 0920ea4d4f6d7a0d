// What the bench, and the stores it compares, use of express-session.
import type { RequestHandler } from "express";

export interface SessionData {
  cookie: object;
}
export interface Session extends SessionData {
  regenerate(done: (error?: unknown) => void): this;
  destroy(done: (error?: unknown) => void): this;
}
export class Store {
  readonly expressSession: true;
}
export class MemoryStore extends Store {}

declare function session(options: {
  secret: string;
  resave: boolean;
  saveUninitialized: boolean;
  store?: Store;
}): RequestHandler;
export default session;
