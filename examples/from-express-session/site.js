// What before.js and moving.js have in common: everything but the session. It is written as for express-session.
import passport from "passport";
import { Strategy } from "passport-local";

passport.use(
  new Strategy((name, password, done) => done(null, password === "secret" ? { id: name } : false)),
);
passport.serializeUser((user, done) => done(null, user.id));
passport.deserializeUser((id, done) => done(null, { id }));

/** @param {import("express").Express} app */
export function site(app) {
  app.use(passport.session());

  app.get("/", (req, res) => {
    req.session.visits = (req.session.visits ?? 0) + 1;
    res.type("text").send(`Visit ${req.session.visits} of ${req.user?.id ?? "a stranger"}\n`);
  });
  app.get(
    "/login",
    passport.authenticate("local", { failureRedirect: "/", successRedirect: "/", keepSessionInfo: true }),
  );
  app.get("/logout", (req, res, next) => req.logout((error) => (error ? next(error) : res.redirect("/"))));
}

/** @param {import("express").Express} app */
export function listen(app) {
  const port = Number(process.env.PORT ?? 8000);
  app.listen(port, "localhost", () =>
    console.log(`http://localhost:${port}/login?username=ada&password=secret`),
  );
}
