import { getSession } from "../session";

export function POST() {
  getSession().logout();
  return new Response(null, { status: 303, headers: { Location: "/" } });
}
