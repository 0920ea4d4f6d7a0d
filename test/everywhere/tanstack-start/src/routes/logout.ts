import { createFileRoute } from "@tanstack/react-router";

export const Route = createFileRoute("/logout")({
  server: {
    handlers: {
      POST: ({ context: { session } }) => {
        session.logout();
        return new Response(null, { status: 303, headers: { Location: "/" } });
      },
    },
  },
});
