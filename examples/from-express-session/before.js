// The site as it was: express-session, one of its stores, and passport.
import express from "express";
import session from "express-session";
import fileStore from "session-file-store";
import { listen, site } from "./site.js";

const FileStore = fileStore(session);
const app = express();

app.use(
  session({
    secret: "keyboard cat",
    store: new FileStore({ path: "./old-sessions", logFn() {} }),
    cookie: { maxAge: 14 * 24 * 60 * 60 * 1000 },
    resave: false,
    saveUninitialized: false,
  }),
);
site(app);
listen(app);
