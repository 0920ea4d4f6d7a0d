// For programs that a test starts with PORT=0: tells the test on which port they listen.
import { type AddressInfo, Server } from "node:net";

const { listen } = Server.prototype;

Server.prototype.listen = function (this: Server, ...given: unknown[]) {
  this.once("listening", () => process.send?.((this.address() as AddressInfo).port));
  return Reflect.apply(listen, this, given);
};
