import { createFileRoute, redirect } from "@tanstack/react-router";
import { createServerFn } from "@tanstack/react-start";

const look = createServerFn().handler(({ context: { session } }) => {
  session.login("ann");
  throw redirect({ to: "/" });
});

export const Route = createFileRoute("/guarded")({ loader: () => look(), component: () => null });
