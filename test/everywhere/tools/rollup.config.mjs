import { nodeResolve } from "@rollup/plugin-node-resolve";

export default {
  input: "compiled/main.js",
  external: [/^node:/, "express"],
  plugins: [nodeResolve({ exportConditions: ["node"] })],
  output: { dir: "bundled/rollup", entryFileNames: "[name].mjs", chunkFileNames: "[name].mjs" },
};
