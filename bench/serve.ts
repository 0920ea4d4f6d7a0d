// One contender in a process of its own, for as long as the bench runs: node serve.ts NAME PLACE. Tells the bench its port.
import type { AddressInfo } from "node:net";
import { type ContenderName, contenders } from "./contenders/index.ts";

const [name, place] = process.argv.slice(2) as [ContenderName, string];
process.once("disconnect", () => process.exit());
const server = await contenders[name].open(JSON.parse(place));
process.send?.((server.address() as AddressInfo).port);
