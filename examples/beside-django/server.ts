import { djangoStore } from "coatcheck/django";
import { session } from "coatcheck/express";
import express from "express";

const app = express();
const store = djangoStore({ database: "db.sqlite3", secretKey: process.env.DJANGO_SECRET_KEY });

app.use(session({ store, cookie: { name: "sessionid" } }));

app.get("/", (req, res) => {
  const visits = req.session.update("num_visits", (n = 0) => n + 1);
  res.type("text").send(`Express: user ${req.session.userId ?? "unknown"}, visit ${visits}\n`);
});

const port = Number(process.env.PORT ?? 8000);
app.listen(port, "localhost", (error) => {
  if (error) throw error;
  console.log(`Express on http://localhost:${port}`);
});
