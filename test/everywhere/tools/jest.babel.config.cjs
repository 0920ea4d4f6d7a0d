/** @type {import("jest").Config} */
module.exports = {
  testMatch: ["<rootDir>/test/*.test.ts"],
  transform: { "\\.[jt]s$": "babel-jest" },
  transformIgnorePatterns: ["/node_modules/(?!coatcheck/)"],
};
