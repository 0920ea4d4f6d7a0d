import { defineConfig } from "prisma/config";

export default defineConfig({ schema: "docs/schema.prisma" });
