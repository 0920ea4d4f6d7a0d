import { sessionContext } from "../session";
import type { Route } from "./+types/broken";

export function loader({ context }: Route.LoaderArgs): string {
  context.get(sessionContext).login("ann");
  throw new Error("a bug");
}
