import webpack from "webpack";

const configuration = {
  mode: "production",
  target: "node22",
  entry: "./compiled/main.js",
  externals: { express: "commonjs express" },
  output: { path: `${import.meta.dirname}/bundled/webpack`, filename: "main.cjs", chunkFilename: "[id].cjs" },
};

webpack(configuration, (error, stats) => {
  if (error === null && !stats.hasErrors() && !stats.hasWarnings()) return;
  console.error(error ?? stats.toString("errors-warnings"));
  process.exitCode = 1;
});
