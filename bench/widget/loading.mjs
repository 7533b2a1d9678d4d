/** What a page pays for the chat before anybody wants it: bytes, time, and a layout that stays where it is. */
import { pageWith, tag } from "../../tests/widget/e2e/harness.mjs";
import { figures, median } from "./report.mjs";

const FILES = { loader: /chatbot-widget\.js$/, body: /body-[0-9a-f]+\.js$/ };
/** In each page, before all else. */
function watch() {
  window.seen = { tasks: 0, shift: 0, isReady: false };
  new PerformanceObserver((list) => (seen.tasks += list.getEntries().length)).observe({ type: "longtask", buffered: true });
  const shifts = (list) => list.getEntries().forEach(({ value }) => (seen.shift += value));
  new PerformanceObserver(shifts).observe({ type: "layout-shift", buffered: true });
  document.addEventListener("chatbot:ready", () => (seen.isReady = true));
}

/**
 * Milliseconds of the page's thread that each file takes to run, from a trace. A module's event has no address: on the
 * thread of the loader there is no other module.
 */
function evaluation(trace) {
  const events = JSON.parse(String(trace)).traceEvents.filter(({ dur }) => dur);
  const loader = events.find(({ name, args }) => name === "EvaluateScript" && FILES.loader.test(args.data?.url));
  const body = events.find(({ name, pid, tid }) => name === "v8.evaluateModule" && pid === loader.pid && tid === loader.tid);
  return { loader: loader.dur / 1000, body: body.dur / 1000 };
}

/** A first visit: nothing is in a cache. */
async function visit({ server, site, browser }, throttle) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 760 } });
  const page = await context.newPage();
  await page.addInitScript(watch);
  const cdp = await context.newCDPSession(page);
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: throttle });
  const asked = [];
  page.on("requestfinished", (request) => asked.push(request));
  await browser.startTracing(page, { categories: ["devtools.timeline", "v8"] });
  await page.goto(site.add("/loading", pageWith(tag(server))));
  await page.waitForFunction(() => seen.isReady);
  await page.waitForTimeout(300);
  const evaluated = evaluation(await browser.stopTracing());
  const before = await page.evaluate(() => ({ ...seen }));
  await page.locator(".launcher").click();
  await page.locator(".panel h2:not(:empty)").waitFor();
  await page.waitForTimeout(200);
  const { shift } = await page.evaluate(() => seen);
  const bytes = await sizes(asked, server.base);
  await context.close();
  return { evaluated, tasks: before.tasks, shift, bytes };
}

async function sizes(asked, base) {
  const found = { loader: 0, body: 0, scripts: 0 };
  for (const request of asked.filter((one) => one.url().startsWith(`${base}/static/`))) {
    const { responseBodySize } = await request.sizes();
    for (const file of Object.keys(FILES)) if (FILES[file].test(request.url())) found[file] = responseBodySize;
    found.scripts++;
  }
  return found;
}

export async function loading({ quick, ...surroundings }) {
  const visits = [];
  const slow = [];
  for (let round = 0; round < (quick ? 3 : 7); round++) {
    visits.push(await visit(surroundings, 1));
    slow.push(await visit(surroundings, 4));
  }
  return { visits, slow };
}

/** @param {Awaited<ReturnType<typeof loading>>} found */
export function report({ visits, slow }) {
  const evaluated = (all, file) => median(all.map((one) => one.evaluated[file]));
  const [{ bytes }] = visits;
  return [
    `The median of ${visits.length} first visits`,
    "",
    figures([
      { name: "loader, bytes over the wire", value: bytes.loader, digits: 0, most: 3072 },
      { name: "loader and body, bytes over the wire", value: bytes.loader + bytes.body, digits: 0, most: 25 * 1024 },
      { name: "files asked for", value: bytes.scripts, digits: 0, most: 2 },
      { name: "loader, run", value: evaluated(visits, "loader"), unit: " ms" },
      { name: "body, run", value: evaluated(visits, "body"), unit: " ms" },
      { name: "both", value: evaluated(visits, "loader") + evaluated(visits, "body"), unit: " ms", most: 15 },
      { name: "both, a fourth of the speed", value: evaluated(slow, "loader") + evaluated(slow, "body"), unit: " ms", most: 50 },
      { name: "tasks over 50 ms before the first click", value: median(visits.map(({ tasks }) => tasks)), digits: 0, most: 0 },
      { name: "layout shift until the chat is open", value: Math.max(...visits.map(({ shift }) => shift)), digits: 3, most: 0 },
    ]),
  ].join("\n");
}
