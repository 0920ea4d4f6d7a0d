// The same site while its visitors move: one import is another, and the store is two. Nothing else has changed.
import session, { migratingStore } from "coatcheck/express-session";
import { sqliteStore } from "coatcheck/sqlite";
import express from "express";
import fileStore from "session-file-store";
import { listen, site } from "./site.js";

const FileStore = fileStore(session);
const app = express();

app.use(
  session({
    secret: "keyboard cat",
    store: migratingStore({
      from: new FileStore({ path: "./old-sessions", logFn() {} }),
      to: sqliteStore("sessions.sqlite3"),
    }),
    cookie: { maxAge: 14 * 24 * 60 * 60 * 1000 },
    resave: false,
    saveUninitialized: false,
  }),
);
site(app);
listen(app);
