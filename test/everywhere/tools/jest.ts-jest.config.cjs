/** @type {import("jest").Config} */
module.exports = {
  testMatch: ["<rootDir>/test/*.test.ts"],
  transform: {
    "\\.[jt]s$": [
      "ts-jest",
      {
        tsconfig: {
          module: "commonjs",
          target: "es2022",
          allowJs: true,
          esModuleInterop: true,
          strict: true,
          types: ["node", "jest"],
        },
      },
    ],
  },
  transformIgnorePatterns: ["/node_modules/(?!coatcheck/)"],
};
