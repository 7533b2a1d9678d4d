/**
 * Takes the pictures of docs/: `make screenshots`. Each is a scene of e2e/scenes.mjs, or the front page, in the state that the scene plays.
 */
import { mkdirSync } from "node:fs";

import { launch, startServer, startSite } from "./e2e/harness.mjs";
import { played, SCENES } from "./e2e/scenes.mjs";

const OUT = "docs/screenshots";
const wanted = new Set(process.argv.slice(2));

mkdirSync(OUT, { recursive: true });
const [server, site, browser] = await Promise.all([startServer(), startSite(), launch("--hide-scrollbars")]);
try {
  for (const scene of SCENES.filter(({ name }) => !wanted.size || wanted.has(name))) {
    const { page, close } = await played({ server, site, browser }, scene, { deviceScaleFactor: 1 });
    await still(page);
    await page.screenshot({ path: `${OUT}/${scene.name}.png`, ...(scene.closed || scene.context?.isMobile || scene.more?.includes("container") ? {} : { clip: { x: 560, y: 20, width: 440, height: 740 } }) });
    await close();
    console.log(scene.name);
  }
  if (!wanted.size || wanted.has("demo")) await frontPage();
} finally {
  await browser.close();
  site.stop();
  await server.stop();
}

/** No picture of a movement. @param {import("playwright-core").Page} page */
async function still(page) {
  await page.evaluate(() => document.querySelector("chatbot-widget")?.shadowRoot.getAnimations().forEach((one) => one.effect.getTiming().iterations === 1 && one.finish()));
  await page.mouse.move(0, 0);
}

async function frontPage() {
  for (const [name, context] of [["demo", { viewport: { width: 1280, height: 900 } }], ["demo-dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }], ["demo-phone", { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }]]) {
    const opened = await browser.newContext(context);
    const page = await opened.newPage();
    await page.goto(`${server.base}/#key=${server.keys.shop}`);
    await page.waitForFunction(() => window.ChatbotWidget && "current" in ChatbotWidget);
    if (name !== "demo-phone") {
      await page.evaluate(() => ChatbotWidget.send("Which tea has no caffeine?"));
      await page.locator(".bot .actions").last().waitFor();
    }
    await still(page);
    await page.screenshot({ path: `${OUT}/${name}.png` });
    await opened.close();
    console.log(name);
  }
}
