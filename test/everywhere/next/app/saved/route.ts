import { getSession } from "coatcheck/next";
import { sessions } from "../../sessions";

/** A handler that stores by itself. */
export async function GET() {
  const session = await getSession(sessions);
  session.login("ann");
  await session.save();
  return new Response("saved");
}
