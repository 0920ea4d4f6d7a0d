import { session } from "coatcheck/express";
import express from "express";

const app = express();

app.use(session()); // keeps the sessions in ./sessions.sqlite3

app.get("/", (req, res) => {
  const visits = req.session.update("num_visits", (n = 0) => n + 1);
  res.type("text").send(`You have visited this page ${visits} time(s).\n`);
});

const port = Number(process.env.PORT ?? 8000);
app.listen(port, "localhost", (error) => {
  if (error) throw error;
  console.log(`http://localhost:${port}`);
});
