// The site on coatcheck. Old cookies are keys for as long as their sessions live.
import { session } from "coatcheck/express";
import { sqliteStore } from "coatcheck/sqlite";
import express from "express";
import passport from "passport";
import { Strategy } from "passport-local";

interface User {
  readonly id: string;
}

passport.use(
  new Strategy((name, password, done) => done(null, password === "secret" ? { id: name } : false)),
);

const app = express();
app.use(session({ store: sqliteStore("sessions.sqlite3"), legacy: { secret: "keyboard cat" } }));

app.get("/", (req, res) => {
  const visits = req.session.update("visits", (n = 0) => n + 1);
  res.type("text").send(`Visit ${visits} of ${req.session.userId ?? "a stranger"}\n`);
});
app.get("/login", passport.authenticate("local", { failureRedirect: "/", session: false }), (req, res) => {
  req.session.login((req.user as User).id);
  res.redirect("/");
});
app.get("/logout", (req, res) => {
  req.session.logout();
  res.redirect("/");
});

const port = Number(process.env.PORT ?? 8000);
app.listen(port, "localhost", (error) => {
  if (error) throw error;
  console.log(`http://localhost:${port}/login?username=ada&password=secret`);
});
