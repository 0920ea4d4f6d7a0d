import { createServer } from "node:http";
import { session } from "coatcheck/node";

// No store is given, so the sessions are kept in ./sessions.sqlite3.
const server = createServer(
  session({}, (request, response) => {
    const visits = request.session.update("num_visits", (n = 0) => n + 1);
    response.setHeader("Content-Type", "text/plain");
    response.end(`You have visited this page ${visits} time(s).\n`);
  }),
);

const port = Number(process.env.PORT ?? 8000);
server.listen(port, "localhost", () => console.log(`http://localhost:${port}`));
