import type { RequestHandler } from "./$types";

export const GET: RequestHandler = ({ locals: { session } }) => {
  session.login("ann");
  throw new Error("a bug");
};
