import { withSession } from "coatcheck/next";
import { sessions } from "../../sessions";

export const GET = withSession(sessions, async (session, _request: Request) => {
  session.login("ann");
  throw new Error("a bug");
});
