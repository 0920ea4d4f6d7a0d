import { defineHandler } from "nitro/h3";

export default defineHandler(({ context: { session } }) => {
  session.login("ann");
  return new Response("There is no such page.", { status: 404 });
});
