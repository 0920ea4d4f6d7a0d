import { withSession } from "coatcheck/fetch";
import { redirect } from "next/navigation";
import { sessions } from "../../sessions";

export const POST = withSession(sessions, (_request, session) => {
  session.logout();
  redirect("/visits/home");
});
