/** A secret for tests only. */
export const secrets = ["a secret for the tests of runtimes, and of nothing else"];
