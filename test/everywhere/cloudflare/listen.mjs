import { Miniflare } from "miniflare";

/**
 * Starts the runtime, prepares it, and prints its port. The runtime is a process of its own, which SIGTERM ends together with this one.
 * @param {import("miniflare").MiniflareOptions} options
 * @param {(server: Miniflare) => Promise<unknown>} prepare
 */
export async function listen(options, prepare = async () => {}) {
  const server = new Miniflare({ ...options, host: "127.0.0.1", port: 0 });
  process.on("SIGTERM", async () => {
    await server.dispose();
    process.exit();
  });
  await prepare(server);
  console.log(JSON.stringify({ event: "listen", port: Number((await server.ready).port) }));
}
