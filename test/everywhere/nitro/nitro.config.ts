import { defineConfig } from "nitro";

export default defineConfig({ serverDir: "./", compatibilityDate: "2026-11-01" });
