import { connect } from "node:net";

/** Sends `request` to a local port and gives the first bytes that come back; empty when no answer comes within so many milliseconds. */
export function ask(port: number, request: string | Uint8Array, within = 1000): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const answer = (bytes = Buffer.alloc(0)) => {
      socket.destroy();
      resolve(bytes);
    };
    socket.setTimeout(within, () => answer());
    socket.on("error", () => answer());
    socket.on("close", () => answer());
    socket.on("data", answer);
    socket.write(request);
  });
}
