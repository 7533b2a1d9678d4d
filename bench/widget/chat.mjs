/** The chat in a page, as a visitor has it, and what its browser counts. */
import { pageWith, scripted, tag } from "../../tests/widget/e2e/harness.mjs";

/** A page with the open chat. */
export async function openChat({ server, site, context }, path, headers = {}) {
  const page = await context.newPage();
  await page.goto(site.add(path, { html: pageWith(tag(server)), headers }));
  await page.locator(".launcher").click();
  await page.locator(".panel h2:not(:empty)").waitFor();
  return page;
}

/** Ask, and resolve at the first words of the answer; `ended` gives all of it, or what came until it failed. */
export async function ask(page, told) {
  await page.evaluate((question) => {
    const { on, send } = ChatbotWidget;
    window.answered = new Promise((resolve) => {
      on("answer", ({ text }) => resolve(text));
      on("error", ({ partial }) => resolve(partial));
    });
    send(question);
  }, scripted(told));
  await page.waitForFunction(() => document.querySelector("chatbot-widget").shadowRoot.querySelector("[aria-busy]:not(:empty)"));
}

export const ended = (page) => page.evaluate(() => window.answered);

/** The browser's own counters of a page, by name. */
export async function metrics(cdp) {
  const { metrics: found } = await cdp.send("Performance.getMetrics");
  return Object.fromEntries(found.map(({ name, value }) => [name, value]));
}

/** What a page keeps alive, after a full garbage collection. */
export async function kept(cdp) {
  for (let turn = 0; turn < 3; turn++) await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners: listeners } = await cdp.send("Memory.getDOMCounters");
  return { heap: usedSize, nodes, listeners };
}
