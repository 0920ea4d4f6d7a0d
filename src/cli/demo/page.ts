import type { Session } from "../../session.ts";
import type { UserSession } from "../../sessions.ts";

export interface Shown {
  readonly visits: number;
  readonly count: number;
  readonly devices: readonly UserSession[];
  readonly session: Session;
}

/** The one page of the demonstration. */
export function page({ visits, count, devices, session }: Shown): string {
  const { userId, handle } = session;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>coatcheck</title>
<link rel="icon" href="data:,">
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; accent-color: #a5452f }
  body { max-width: 42rem; margin: 2rem auto; padding: 0 1rem }
  section { border-top: 1px solid; padding: .5rem 0 1rem } h2 { font-size: 1.1rem; margin: .5rem 0 }
  button, input { font: inherit; padding: .2rem .7rem } form { display: inline } output { font-weight: 600 }
  li { overflow-wrap: anywhere } code { overflow-wrap: anywhere }
</style>
<body>
<h1>coatcheck</h1>
<p>Your browser keeps a key in a cookie; this server keeps what follows in its memory, and forgets it when it ends.</p>

<section><h2>1. A dictionary</h2>
<p>You have opened this page <output>${visits}</output> time(s). Open it in a second tab, and in a private window.</p></section>

<section><h2>2. Nothing is lost</h2>
<p>Twenty requests at once, and each adds one. Counted so far: <output id="count">${count}</output>
<p><button id="many">Send twenty</button> <output id="many-said"></output></section>

<section><h2>3. Sign in</h2>
${
  userId === null
    ? `<form method="post" action="/login"><label>Name <input name="name" required maxlength="100"></label> <button>Sign in</button></form>
<p>No password is asked for here. The key changes at the login, and the counts stay.</p>`
    : `<p>You are <output>${escaped(userId)}</output>. <form method="post" action="/logout"><button>Sign out</button></form></p>
<ul>${devices.map((device) => item(device, handle)).join("")}</ul>
<p>Sign in from another browser under the same name, and end that session from here.</p>`
}</section>

<section><h2>4. What is deleted stays deleted</h2>
<p>A slow request begins, you sign out while it runs, and then it writes.
<p><button id="race"${userId === null ? " disabled" : ""}>Try it</button> <output id="race-said">${userId === null ? "Sign in first." : ""}</output></section>

<script type="module">
  const post = (path) => fetch(path, { method: "POST", redirect: "manual" });
  const state = async () => (await fetch("/state")).json();
  const say = (id, text) => { document.getElementById(id).textContent = text; };
  document.getElementById("many").onclick = async () => {
    const before = await state();
    await Promise.all(Array.from({ length: 20 }, () => post("/count")));
    const after = await state();
    say("count", after.count);
    say("many-said", before.count + " and twenty are " + after.count + ".");
  };
  document.getElementById("race").onclick = async () => {
    const slow = post("/slow");
    await new Promise((done) => setTimeout(done, 200));
    await post("/logout");
    await slow;
    say("race-said", (await state()).user === null ? "The slow request has ended, and you are signed out." : "You are signed in again!");
  };
</script>
`;
}

function item({ handle, label, lastSeenAt }: UserSession, own: string | null): string {
  const name = `${escaped(label ?? "a browser")}, last seen ${lastSeenAt.toLocaleTimeString("en-GB")}`;
  if (handle === own) return `<li>${name} (this one)</li>`;
  const end = `<form method="post" action="/end"><input type="hidden" name="handle" value="${handle}"><button>End it</button></form>`;
  return `<li>${name} ${end}</li>`;
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (given: string) => given.replace(/[&<>"]/g, (character) => entities[character] as string);
