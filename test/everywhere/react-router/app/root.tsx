import { Links, Meta, Outlet, Scripts } from "react-router";
import type { Route } from "./+types/root";
import { sessionMiddleware } from "./session";

export const middleware: Route.MiddlewareFunction[] = [sessionMiddleware];

export default function App() {
  return (
    <html lang="en">
      <head>
        <Meta />
        <Links />
      </head>
      <body>
        <Outlet />
        <Scripts />
      </body>
    </html>
  );
}
