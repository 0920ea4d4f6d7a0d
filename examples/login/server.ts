import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { session } from "coatcheck/node";

const page = (body: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Login</title>
<body>${body}</body>
</html>`;

const form = page(`<form method="post" action="/login/">
<p><label>Username <input name="username" required autofocus></label>
<p><button>Login</button>
</form>`);

const welcome = (username: string) =>
  page(`<p>You are: <strong>${escaped(username)}</strong></p>
<form method="post" action="/logout/"><button>Logout</button></form>`);

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (given: string) => given.replace(/[&<>"]/g, (character) => entities[character] as string);

// With no store named, sessions live in ./sessions.sqlite3.
const server = createServer(
  session({}, async (req, res) => {
    res.setHeader("Content-Type", "text/html; charset=utf-8");
    const { pathname } = new URL(req.url ?? "/", "http://localhost");
    switch (`${req.method} ${pathname}`) {
      case "GET /connection/": {
        const username = req.session.get("username");
        return res.end(username === undefined ? form : welcome(username));
      }
      case "POST /login/": {
        const username = new URLSearchParams(await text(req)).get("username")?.trim();
        if (!username) return res.writeHead(422).end(form);
        // Who somebody is has changed, so the key changes too: one planted before is worth nothing.
        req.session.cycleKey();
        req.session.set("username", username);
        return res.writeHead(303, { Location: "/connection/" }).end();
      }
      case "POST /logout/":
        req.session.flush();
        return res.end(page("<strong>You are logged out.</strong>"));
      default:
        return res.writeHead(404).end(page('Try <a href="/connection/">/connection/</a>.'));
    }
  }),
);

server.listen(Number(process.env.PORT ?? 8000), "127.0.0.1", () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}/connection/`);
});
