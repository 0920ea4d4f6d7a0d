// Serves the worker twice, as the workers "one" and "two" over the same databases, and prints the port of "one".
import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.mjs";
import { listen } from "./listen.mjs";

const bundled = await bundle(fileURLToPath(new URL("worker.ts", import.meta.url)));

/** @param {string} name @param {string} other */
const worker = (name, other) => ({
  ...bundled,
  name,
  d1Databases: { DB: "sessions" },
  durableObjects: {
    SESSIONS: { className: "TestedShard", useSQLite: true, ...(name !== "one" && { scriptName: "one" }) },
  },
  serviceBindings: { OTHER: other },
});

await listen({ workers: [worker("one", "two"), worker("two", "one")] });
