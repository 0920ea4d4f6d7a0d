// Sends a form once, however often its button is clicked.
//
// Of a double click the browser takes only the answer to the second request. The first may have given the session a new key,
// which would be lost with its answer.

/** A form whose request was stopped by hand can be sent again after this time. */
const AGAIN_AFTER_MS = 10_000;

let sentAt = new WeakMap();

addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (event.timeStamp - sentAt.get(form) < AGAIN_AFTER_MS) event.preventDefault();
  else sentAt.set(form, event.timeStamp);
});
// The browser had kept the page for Back.
addEventListener("pageshow", () => {
  sentAt = new WeakMap();
});
