import { session } from "coatcheck/koa";
import Koa from "koa";

const app = new Koa();

app.use(session()); // keeps the sessions in ./sessions.sqlite3

app.use((ctx) => {
  const visits = ctx.session.update("num_visits", (n = 0) => n + 1);
  ctx.body = `You have visited this page ${visits} time(s).\n`;
});

const port = Number(process.env.PORT ?? 8000);
app.listen(port, "localhost", () => console.log(`http://localhost:${port}`));
