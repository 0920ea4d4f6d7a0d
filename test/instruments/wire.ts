import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A proxy to a local port that a test can cut. It counts round trips: one begins with data sent while no answer is awaited. */
export async function wire(to: number) {
  const ends = new Set<Socket>();
  let trips = 0;
  const proxy = createServer((near) => {
    const far = connect(to, "127.0.0.1");
    for (const end of [near, far]) ends.add(end.on("error", () => {}));
    let isOpen = false;
    near.on("data", () => {
      if (!isOpen) trips++;
      isOpen = true;
    });
    far.on("data", () => {
      isOpen = false;
    });
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((listening) => proxy.listen(0, "127.0.0.1", listening));
  const { port } = proxy.address() as AddressInfo;
  const cut = () => {
    proxy.close();
    for (const end of ends) end.destroy();
  };
  return { port, trips: () => trips, cut, mend: () => proxy.listen(port, "127.0.0.1") };
}
