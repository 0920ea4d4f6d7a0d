import type { Page } from "playwright-core";

/** A picture of the page as WebP, by Chromium's own protocol: Playwright cannot write WebP. */
export async function picture(page: Page, quality: number): Promise<Buffer> {
  await page.bringToFront();
  // Chromium takes no picture before it has drawn the page.
  await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))");
  const protocol = await page.context().newCDPSession(page);
  const { data } = await protocol.send("Page.captureScreenshot", { format: "webp", quality });
  await protocol.detach();
  return Buffer.from(data, "base64");
}
