import { sessionContext } from "../session";
import type { Route } from "./+types/missing";

export function loader({ context }: Route.LoaderArgs) {
  context.get(sessionContext).login("ann");
  throw new Response("There is no such page.", { status: 404 });
}
