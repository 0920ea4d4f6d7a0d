import { withSession } from "coatcheck/next";
import { notFound } from "next/navigation";
import { sessions } from "../../sessions";

export const GET = withSession(sessions, async (session, _request: Request) => {
  session.login("ann");
  notFound();
});
