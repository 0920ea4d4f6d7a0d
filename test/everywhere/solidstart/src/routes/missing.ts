import { getSession } from "../session";

export function GET() {
  getSession().login("ann");
  return new Response("There is no such page.", { status: 404 });
}
