export default {
  ssr: { noExternal: ["coatcheck"] },
  build: { ssr: "compiled/main.js", outDir: "bundled/vite" },
};
