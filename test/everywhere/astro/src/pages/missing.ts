import type { APIRoute } from "astro";

export const GET: APIRoute = ({ locals }) => {
  locals.session.login("ann");
  return new Response("There is no such page.", { status: 404 });
};
