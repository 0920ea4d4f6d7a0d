/** Nobody's. */
export const secrets = ["a secret for the tests of runtimes, and of nothing else"];
