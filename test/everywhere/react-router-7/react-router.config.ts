import type { Config } from "@react-router/dev/config";

export default {
  ssr: true,
  allowedActionOrigins: ["127.0.0.*"],
  future: { v8_middleware: true },
} satisfies Config;
