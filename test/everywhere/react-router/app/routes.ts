import { index, type RouteConfig, route } from "@react-router/dev/routes";

export default [
  index("routes/home.tsx"),
  route("logout", "routes/logout.ts"),
  route("missing", "routes/missing.ts"),
  route("broken", "routes/broken.ts"),
  route("guarded", "routes/guarded.ts"),
] satisfies RouteConfig;
