import type { APIRoute } from "astro";

export const POST: APIRoute = ({ locals, redirect }) => {
  locals.session.logout();
  return redirect("/", 303);
};
