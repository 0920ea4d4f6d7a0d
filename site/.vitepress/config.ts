import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";
import { sidebar } from "../sidebar.ts";

const pages = fileURLToPath(new URL("../pages/", import.meta.url));
const { repository } = JSON.parse(readFileSync(new URL("../../owner.json", import.meta.url), "utf8")) as {
  repository: string;
};

export default defineConfig({
  title: "coatcheck",
  description: "Sessions for TypeScript servers, by the rules of Django.",
  lang: "en",
  base: process.env.DOCS_BASE ?? "/",
  srcDir: "pages",
  outDir: "dist",
  cleanUrls: true,
  lastUpdated: false,
  vite: { build: { chunkSizeWarningLimit: 2000 } }, // The index of the search is one of them.
  head: [["link", { rel: "icon", href: `${process.env.DOCS_BASE ?? "/"}ticket.svg`, type: "image/svg+xml" }]],
  markdown: {
    // The anchors that GitHub makes, which the links of the pages name.
    anchor: {
      slugify: (heading) =>
        heading
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N}_\- ]/gu, "")
          .replaceAll(" ", "-"),
    },
  },
  themeConfig: {
    logo: "/ticket.svg",
    nav: [
      { text: "Start", link: "/start" },
      { text: "Documentation", link: "/contents" },
      { text: "Reference", link: "/reference/" },
    ],
    sidebar: sidebar(pages),
    outline: [2, 3],
    search: { provider: "local" },
    socialLinks: repository === "" ? [] : [{ icon: "github", link: repository }],
    docFooter: { prev: false, next: false },
    footer: { message: "MIT licence" },
  },
});
