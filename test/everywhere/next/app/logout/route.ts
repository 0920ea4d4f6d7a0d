import { withSession } from "coatcheck/next";
import { redirect } from "next/navigation";
import { sessions } from "../../sessions";

export const POST = withSession(sessions, async (session, _request: Request) => {
  session.logout();
  redirect("/visits/home");
});
