// Moves the progress bar while expired sessions are cleared, and reloads the page at the end.

const EVERY_MS = 250;

const bar = document.querySelector("#progress");
const deleted = document.querySelector("#deleted");

async function look() {
  const response = await fetch("/librarian/sessions/clearing");
  const progress = response.ok ? await response.json() : null;
  // The clearing is over, or the librarian was signed out: the reloaded page says which.
  if (!progress || progress.isOver) return location.reload();
  bar.value = progress.deleted;
  deleted.textContent = progress.deleted;
  setTimeout(look, EVERY_MS);
}

look();
