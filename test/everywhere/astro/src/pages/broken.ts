import type { APIRoute } from "astro";

export const GET: APIRoute = ({ locals }) => {
  locals.session.login("ann");
  throw new Error("a bug");
};
