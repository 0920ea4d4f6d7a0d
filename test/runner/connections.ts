/**
 * Gives each `fetch` of a test a connection of its own. A server closes one that has rested for five seconds, and a request that is sent
 * at that very moment fails: where a busy machine stops a test for a while, that moment comes.
 */
const { fetch } = globalThis;

globalThis.fetch = (input, init) => {
  const request = new Request(input, init);
  request.headers.set("connection", "close");
  return fetch(request);
};
