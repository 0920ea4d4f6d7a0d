// Draws screenshots/two-tabs.webp: two tabs of one Chromium change one session at the same moment, and nothing is lost.
// Every window in the film is a picture of a real page. The frame around them, the pointer and the captions are drawn here.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { animatedWebp, type Frame } from "./animated-webp.ts";
import { picture } from "./picture.ts";
import { startSite } from "./started-site.ts";

const FOLDER = join(import.meta.dirname, "../screenshots");
const MOST_BYTES = 1_500_000;
const QUALITY = 58;
/** A tab as the browser has it, and how much of that size it has in the film. */
const TAB = { width: 560, height: 690 };
const SCALE = 0.78;
const FILM = { width: 926, height: 664 };
/** The milliseconds of a caption that is to be read, of a short one, and of one step of the pointer. */
const [READ, GLANCE, STEP] = [3400, 1500, 60];
const STEPS = 6;

const site = await startSite();
try {
  const context = await site.browser.newContext({
    baseURL: site.url,
    viewport: TAB,
    colorScheme: "light",
    reducedMotion: "reduce",
  });
  const left = await context.newPage();
  const right = await context.newPage();
  const screen = await (await site.browser.newContext({ viewport: FILM })).newPage();
  await screen.setContent(stage());
  const film = await filmOf(screen, { left, right });

  await left.goto("/catalog/");
  await left.getByRole("button", { name: "Dismiss" }).click();
  for (const tab of [left, right]) await tab.goto("/tour/tabs/");
  await film.look();
  await film.show("One visitor, two tabs, one session. In the session lies a guest book.", READ);

  await film.pointAt("left", left.getByRole("button", { name: "Open the first tab" }));
  const first = await sign(left, "first");
  await film.show(
    "The first tab reads the book: no signatures. It waits for the other.",
    GLANCE * 1.4,
    "left",
  );
  await film.pointAt("right", right.getByRole("button", { name: "Open the second tab" }));
  const second = await sign(right, "second");
  await Promise.all([first(), second()]);
  await film.show("The second tab reads it too: no signatures. Now both write.", GLANCE, "both");
  await film.look();
  await film.show("Both had read the same empty book, both wrote, and no signature is lost.", READ * 1.3);

  await left.goto("/catalog/book/7");
  await right.goto("/preferences/");
  const put = left.getByRole("button", { name: "Put on the reading list" });
  const save = right.getByRole("button", { name: "Save" });
  for (const button of [put, save]) await button.scrollIntoViewIfNeeded();
  await film.look();
  await film.show("Once more: one tab puts a book on the reading list, the other turns on the dark.", READ);
  await right.getByLabel("Dark").check();
  await film.look();
  await film.pointAt("left", put);
  await film.pointAt("right", save);
  await film.show("Both send at the same moment …", GLANCE, "both");
  await Promise.all([put.click(), save.click()]);
  for (const tab of [left, right]) await tab.goto("/catalog/reading-list/");
  await film.look();
  const still = await film.show("… and the session has both: the book, and the dark.", READ * 1.6);

  const file = animatedWebp(film.frames, FILM.width, FILM.height);
  if (file.length > MOST_BYTES)
    throw new Error(`The film has ${file.length} bytes, more than ${MOST_BYTES}.`);
  writeFileSync(join(FOLDER, "two-tabs.webp"), file);
  writeFileSync(join(FOLDER, "two-tabs-still.webp"), still);
  console.log(`two-tabs.webp: ${film.frames.length} pictures, ${file.length} bytes`);
} finally {
  await site.stop();
}

/** Signs the guest book from the tab itself, in which the film stays. The answer comes when both have read. */
async function sign(tab: Page, name: string): Promise<() => Promise<unknown>> {
  await tab.evaluate("for (const form of document.forms) form.removeAttribute('target')");
  const answer = tab.waitForEvent("load", { timeout: 60_000 });
  const request = tab.waitForRequest(/\/tour\/tabs\//);
  void tab.getByRole("button", { name: `Open the ${name} tab` }).click({ noWaitAfter: true });
  await request;
  return () => answer;
}

type Side = "left" | "right";

async function filmOf(screen: Page, tabs: Record<Side, Page>) {
  const frames: Frame[] = [];
  let pointer = { x: FILM.width / 2, y: FILM.height - 60 };

  const draw = async (milliseconds: number): Promise<Buffer> => {
    const webp = await picture(screen, QUALITY);
    frames.push({ webp, milliseconds: Math.round(milliseconds) });
    return webp;
  };
  const set = (selector: string, name: string, value: string) =>
    screen.locator(selector).evaluate(
      (element, [name, value]) => {
        element.setAttribute(name as string, value as string);
      },
      [name, value],
    );

  /** Puts pictures of both tabs as they are now on the screen. */
  const look = async () => {
    for (const [side, tab] of Object.entries(tabs)) {
      const image = (await picture(tab, 90)).toString("base64");
      await set(`#${side} img`, "src", `data:image/webp;base64,${image}`);
      await set(`#${side} .address`, "title", new URL(tab.url()).pathname);
    }
    await screen.evaluate("Promise.all([...document.images].map((image) => image.decode()))");
  };

  const show = async (caption: string, milliseconds: number, busy: Side | "both" | "" = "") => {
    await set("#caption", "title", caption);
    await set("body", "data-busy", busy);
    return draw(milliseconds);
  };

  const pointAt = async (side: Side, target: Locator) => {
    const [frame, box] = [await screen.locator(`#${side} img`).boundingBox(), await target.boundingBox()];
    if (!frame || !box) throw new Error("The film points at what is not there.");
    const from = pointer;
    pointer = { x: frame.x + (box.x + box.width / 2) * SCALE, y: frame.y + (box.y + box.height / 2) * SCALE };
    for (let step = 1; step <= STEPS; step++) {
      const part = (1 - Math.cos((Math.PI * step) / STEPS)) / 2;
      const at = { x: from.x + (pointer.x - from.x) * part, y: from.y + (pointer.y - from.y) * part };
      await set("#pointer", "style", `left: ${at.x}px; top: ${at.y}px`);
      await draw(step === STEPS ? STEP * 5 : STEP);
    }
  };

  return { frames, look, show, pointAt };
}

function stage(): string {
  const tab = (side: Side, name: string) => `
    <figure id="${side}">
      <figcaption><i></i>${name} <span class="address"></span></figcaption>
      <img width="${TAB.width * SCALE}" height="${TAB.height * SCALE}">
    </figure>`;
  return `
    <style>
      body { display: grid; grid-template-columns: auto auto; justify-content: center; align-items: start; gap: 16px; margin: 0; padding: 16px; background: #1b5a48; }
      figure { margin: 0; overflow: hidden; border-radius: 10px; background: #dfd5c3; box-shadow: 0 4px 14px rgb(0 0 0 / 40%); }
      figcaption { display: flex; align-items: center; gap: 8px; height: 34px; padding-inline: 12px; color: #26221c; font: 600 14px system-ui, sans-serif; }
      figcaption i { width: 12px; height: 12px; box-sizing: border-box; border: 3px solid #1b5a48; border-radius: 50%; background: #1b5a48; }
      [data-busy="left"] #left i, [data-busy="right"] #right i, [data-busy="both"] i { border-right-color: transparent; background: none; }
      .address { color: #655d50; font-weight: 400; }
      .address::after { content: attr(title); }
      img { display: block; }
      #caption { grid-column: 1 / -1; margin: 0; color: #fff; font: 600 19px/1.3 Georgia, serif; text-align: center; }
      #caption::after { content: attr(title); }
      #pointer { position: absolute; width: 20px; height: 28px; }
    </style>
    <body data-busy="">
      ${tab("left", "First tab")}
      ${tab("right", "Second tab")}
      <p id="caption"></p>
      <svg id="pointer" viewBox="0 0 20 28" style="left: ${FILM.width / 2}px; top: ${FILM.height - 60}px"><path d="M1 1v21l5-5 4 9 4-2-4-8h7z" fill="#000" stroke="#fff" stroke-width="1.5"/></svg>
    </body>`;
}
