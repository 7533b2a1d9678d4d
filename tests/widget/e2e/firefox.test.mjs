/** The main paths in Firefox, by WebDriver BiDi: Playwright drives only a Firefox of its own making. */
import puppeteer from "puppeteer-core";

import { needs } from "./harness.mjs";
import { mainPaths } from "./main_paths.mjs";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";

async function start() {
  const browser = await puppeteer.launch({ browser: "firefox", executablePath: FIREFOX, headless: true, timeout: 60_000 });
  return { tab: () => newTab(browser), stop: () => browser.close() };
}

/** In a context of its own, so that nothing is stored from another test. */
async function newTab(browser) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setViewport({ width: 1000, height: 760 });
  return {
    open: (address) => page.goto(address),
    evaluate: (expression) => page.evaluate(expression),
    click: (x, y) => page.mouse.click(x, y),
    type: (text) => page.keyboard.type(text),
    async press(...keys) {
      for (const key of keys) await page.keyboard.down(key);
      for (const key of keys.reverse()) await page.keyboard.up(key);
    },
    close: () => context.closed || context.close(),
  };
}

mainPaths("Firefox", needs({ "firefox-esr": FIREFOX }), start);
