import { getSession } from "../session";

export function GET() {
  getSession().login("ann");
  throw new Error("a bug");
}
