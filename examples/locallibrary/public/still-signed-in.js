// Shows a notice when the page's user was signed out elsewhere.
//
// A browser opens only six connections to a site, and a stream takes one of them. So of all its tabs one asks the server, the
// one that has the lock, and tells the others. When that tab is closed, the lock goes to the next.

const RETRY_MS = 5000;

const notice = document.querySelector("#signed-out");
const { user } = notice.dataset;
const news = new BroadcastChannel("signed-out");
let over = new AbortController();

function show() {
  over.abort();
  notice.hidden = false;
}

/** Asks as soon as no other tab does, until the page is left or its user was signed out. */
function watch() {
  const { signal } = over;
  const asking = () => new Promise((done) => ask(signal, done));
  navigator.locks.request("still-signed-in", { signal }, asking).catch(() => {}); // Left while another tab asked.
}

function ask(signal, done) {
  let refusals = 0;
  const stream = new EventSource(`/accounts/still-signed-in/?user=${encodeURIComponent(user)}`);
  stream.onmessage = ({ data }) => {
    refusals = data === "signed out" ? refusals + 1 : 0;
    // The first answer may be to a key that another tab was just changing. The browser asks again by itself.
    if (refusals < 2) return;
    news.postMessage(user);
    show();
  };
  // After an error page the browser does not ask again, but the server may be back soon.
  stream.onerror = () => {
    if (stream.readyState === EventSource.CLOSED)
      setTimeout(() => signal.aborted || ask(signal, done), RETRY_MS);
  };
  signal.addEventListener("abort", () => {
    stream.close();
    done();
  });
}

news.onmessage = ({ data }) => {
  if (data === user) show();
};
addEventListener("pagehide", () => over.abort());
// The browser had kept the page for Back.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  over = new AbortController();
  watch();
});
watch();
