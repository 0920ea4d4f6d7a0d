// Serves what Vite has built.
import { serve } from "srvx";
import application from "./dist/server/server.js";

serve({ fetch: application.fetch, hostname: process.env.HOST, port: Number(process.env.PORT) });
