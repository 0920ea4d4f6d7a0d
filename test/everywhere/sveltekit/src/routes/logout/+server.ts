import { redirect } from "@sveltejs/kit";
import type { RequestHandler } from "./$types";

export const POST: RequestHandler = ({ locals: { session } }) => {
  session.logout();
  redirect(303, "/");
};
