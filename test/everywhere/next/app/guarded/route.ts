import { withSession } from "coatcheck/next";
import { permanentRedirect } from "next/navigation";
import { sessions } from "../../sessions";

export const GET = withSession(sessions, async (session, _request: Request) => {
  session.login("ann");
  permanentRedirect("/visits/home");
});
