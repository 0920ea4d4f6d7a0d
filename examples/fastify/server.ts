import { session } from "coatcheck/fastify";
import Fastify from "fastify";

const app = Fastify();

app.register(session); // keeps the sessions in ./sessions.sqlite3

app.get("/", async (request) => {
  const visits = request.session.update("num_visits", (n = 0) => n + 1);
  return `You have visited this page ${visits} time(s).\n`;
});

const port = Number(process.env.PORT ?? 8000);
await app.listen({ port, host: "localhost" });
console.log(`http://localhost:${port}`);
