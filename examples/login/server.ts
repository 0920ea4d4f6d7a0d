import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { session } from "coatcheck/node";

const LONGEST_NAME = 150;
const LARGEST_BODY = 4096; // bytes

const page = (body: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Login</title>
<body>${body}</body>
</html>`;

const form = page(`<form method="post" action="/login/">
<p><label>Username <input name="username" required autofocus maxlength="${LONGEST_NAME}"></label>
<p><button>Login</button>
</form>`);

const welcome = (username: string) =>
  page(`<p>You are: <strong>${escaped(username)}</strong></p>
<form method="post" action="/logout/"><button>Logout</button></form>`);

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (given: string) => given.replace(/[&<>"]/g, (character) => entities[character] as string);

// No control characters: a user id must not contain them.
const isName = new RegExp(`^\\P{Cc}{1,${LONGEST_NAME}}$`, "u");

// No store is given, so the sessions are kept in ./sessions.sqlite3.
const server = createServer(
  session({}, async (req, res) => {
    res.setHeader("Content-Type", "text/html; charset=utf-8");
    const [path] = (req.url ?? "/").split("?");
    switch (`${req.method} ${path}`) {
      case "GET /connection/": {
        const { userId } = req.session;
        return res.end(userId === null ? form : welcome(userId));
      }
      case "POST /login/": {
        // Browsers state how long a form is, and Node reads no more than was stated.
        if (!(Number(req.headers["content-length"]) <= LARGEST_BODY)) return res.writeHead(413).end(form);
        const body = await text(req).catch(() => null);
        if (body === null) return; // The visitor has hung up.
        const username = new URLSearchParams(body).get("username")?.trim() ?? "";
        if (!isName.test(username)) return res.writeHead(422).end(form);
        // login replaces the session key, so a key that an attacker planted before is worth nothing now. It also
        // enters the session in the store's index of users, so that the site can list and end all sessions of a user.
        req.session.login(username);
        return res.writeHead(303, { Location: "/connection/" }).end();
      }
      case "POST /logout/":
        req.session.logout();
        return res.end(page("<strong>You are logged out.</strong>"));
      default:
        return res.writeHead(404).end(page('Try <a href="/connection/">/connection/</a>.'));
    }
  }),
);

server.listen(Number(process.env.PORT ?? 8000), "127.0.0.1", () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}/connection/`);
});
