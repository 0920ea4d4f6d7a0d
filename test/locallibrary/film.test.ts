import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { animatedWebp } from "../../examples/locallibrary/scripts/animated-webp.ts";
import { picture } from "../../examples/locallibrary/scripts/picture.ts";
import { describeInChromium } from "./chromium.ts";
import { siteOfThisFile } from "./site.ts";

const site = siteOfThisFile();
const film = new URL("../../examples/locallibrary/screenshots/two-tabs.webp", import.meta.url);

/** What the browser makes of an animated WebP: the size and the milliseconds of each picture, and how often it plays. */
async function played(page: Page, file: Buffer) {
  return page.evaluate(`(async () => {
    const data = Uint8Array.from(atob("${file.toString("base64")}"), (byte) => byte.charCodeAt(0));
    const decoder = new ImageDecoder({ data, type: "image/webp" });
    await decoder.tracks.ready;
    await decoder.completed;
    const { frameCount, repetitionCount } = decoder.tracks.selectedTrack;
    const frames = [];
    for (let frameIndex = 0; frameIndex < frameCount; frameIndex++) {
      const { image } = await decoder.decode({ frameIndex });
      frames.push([image.displayWidth, image.displayHeight, image.duration / 1000]);
    }
    return { frames, isEndless: repetitionCount === Infinity };
  })()`) as Promise<{ frames: number[][]; isEndless: boolean }>;
}

describeInChromium(
  () => site().url,
  (visitor) => {
    test("pictures of a page become a film that a browser plays", async () => {
      const page = await visitor({ viewport: { width: 361, height: 241 } });
      await page.goto("/catalog/genres/");
      const frames = [
        { webp: await picture(page, 60), milliseconds: 60 },
        { webp: await picture(page, 61), milliseconds: 70_000 },
      ];
      const expected = [
        [361, 241, 60],
        [361, 241, 70_000],
      ];
      expect(await played(page, animatedWebp(frames, 361, 241))).toEqual({
        frames: expected,
        isEndless: true,
      });
    });

    test("the film of the two tabs plays, and is small enough for a page", async () => {
      const page = await visitor();
      await page.goto("/catalog/genres/");
      const file = readFileSync(film);
      expect(file.length).toBeLessThan(1_500_000);
      const { frames, isEndless } = await played(page, file);
      expect([frames.length > 10, isEndless]).toEqual([true, true]);
    });
  },
);
