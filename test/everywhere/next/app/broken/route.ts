import { withSession } from "coatcheck/fetch";
import { sessions } from "../../sessions";

export const GET = withSession(sessions, (_request, session) => {
  session.login("ann");
  throw new Error("a bug");
});
