import { redirect } from "react-router";
import { sessionContext } from "../session";
import type { Route } from "./+types/guarded";

/** A second middleware, which signs in and turns away. */
export const middleware: Route.MiddlewareFunction[] = [
  ({ context }) => {
    context.get(sessionContext).login("ann");
    throw redirect("/");
  },
];

export function loader() {
  return new Response("not reached");
}
