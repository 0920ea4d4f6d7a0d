import { defineHandler } from "nitro/h3";

export default defineHandler(({ context: { session } }) => {
  session.login("ann");
  throw new Error("a bug");
});
