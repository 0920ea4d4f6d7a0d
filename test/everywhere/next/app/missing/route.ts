import { withSession } from "coatcheck/fetch";
import { notFound } from "next/navigation";
import { sessions } from "../../sessions";

export const GET = withSession(sessions, (_request, session) => {
  session.login("ann");
  notFound();
});
