import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Router } from "express";
import { HttpError } from "../request/http-error.ts";

const DOCS = join(import.meta.dirname, "../../../../docs");

/** The pages of coatcheck's documentation, as they are written in docs/, in one piece for each heading. */
export function docsRoutes(): Router {
  const router = Router();

  router.get("/:page/", async (req, res) => {
    const { page } = req.params;
    if (!/^[a-z-]{1,40}$/.test(page)) throw new HttpError(404, `"${page}" is no page of docs/.`);
    const text = await readFile(join(DOCS, `${page}.md`), "utf8").catch(() => {
      throw new HttpError(404, `docs/ has no ${page}.md.`);
    });
    res.render("document", { name: `docs/${page}.md`, pieces: piecesOf(text) });
  });

  return router;
}

function piecesOf(text: string) {
  return text
    .split(/^(?=#{1,3} )/m)
    .filter((piece) => piece.trim() !== "")
    .map((piece) => {
      const [heading = ""] = piece.split("\n", 1);
      return { id: slug(heading), text: piece.trimEnd() };
    });
}

/** The anchor of a heading, as GitHub makes it. */
function slug(heading: string): string {
  return heading
    .replace(/^#+ /, "")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} -]/gu, "")
    .replaceAll(" ", "-");
}
