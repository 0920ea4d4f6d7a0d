import { createFileRoute, notFound } from "@tanstack/react-router";
import { createServerFn } from "@tanstack/react-start";

const look = createServerFn().handler(({ context: { session } }) => {
  session.login("ann");
  throw notFound();
});

export const Route = createFileRoute("/missing")({ loader: () => look(), component: () => null });
