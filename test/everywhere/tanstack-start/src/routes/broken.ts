import { createFileRoute } from "@tanstack/react-router";

export const Route = createFileRoute("/broken")({
  server: {
    handlers: {
      GET: ({ context: { session } }) => {
        session.login("ann");
        throw new Error("a bug");
      },
    },
  },
});
