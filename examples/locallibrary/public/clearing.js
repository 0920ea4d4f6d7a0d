// Moves the bar while expired sessions are cleared, and shows the page anew at the end.

const EVERY_MS = 250;

const bar = document.querySelector("#progress");
const deleted = document.querySelector("#deleted");

async function look() {
  const response = await fetch("/librarian/sessions/clearing");
  const progress = response.ok ? await response.json() : null;
  // Whether it is over or we were signed out: the page itself knows what to say.
  if (!progress || progress.isOver) return location.reload();
  bar.value = progress.deleted;
  deleted.textContent = progress.deleted;
  setTimeout(look, EVERY_MS);
}

look();
