/** The test page in a browser: each number held against what the test knows of a scripted answer, by order, count and ratio. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, describe, test } from "node:test";

import { IN_CHROMIUM, inChromium, scripted } from "./harness.mjs";
import { startBufferingProxy } from "./line.mjs";

let server, browser, context;
inChromium((...all) => ([server, , browser] = all));
afterEach(() => context?.close());

const SAY = "one two three four five six seven eight nine ten ".repeat(6);
/** 30 pieces, over a second and a half. */
const FLOWING = { say: SAY, chunk: 10, first: 0.2, pace: 0.05, whole: 1.6 };

async function opened({ base = server.base, ...options } = {}) {
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
  await page.goto(`${base}/test-streaming`);
  return page;
}

/** Ask a scripted question by the button of this name, to its end. */
async function asked(page, button, told) {
  await page.locator("#prompt").fill(scripted(told));
  await page.getByRole("button", { name: button }).click();
  await over(page);
}
const over = (page) => page.waitForFunction(() => document.getElementById("stop").disabled && document.getElementById("sooner").textContent !== "Not measured yet");
const verdict = (page) => page.locator("#verdict").innerText();
const cell = (page, kind, id) => page.locator(`[data-${kind}="${id}"]`).innerText();
/** Milliseconds of a cell. */
async function time(page, kind, id) {
  const [, value, unit] = /^([\d.]+) (s|ms)$/.exec(await cell(page, kind, id)) ?? assert.fail(`${kind} ${id}: ${await cell(page, kind, id)}`);
  return unit === "s" ? value * 1000 : Number(value);
}

async function saved(page, id) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator(`#${id}`).click()]);
  return readFileSync(await download.path());
}

describe("the test page", IN_CHROMIUM, () => {
  test("measures a stream: times in their order, each event, its length, and that it arrives live", async () => {
    const page = await opened();
    await asked(page, "Test streaming", FLOWING);
    const [byte, token, paint, total] = await Promise.all(["first-byte", "first-token", "first-paint", "total"].map((id) => time(page, "stream", id)));
    assert.ok(byte <= token && token <= paint && paint < total, `${byte} ${token} ${paint} ${total}`);
    // A role, thirty pieces, the reason of the end.
    assert.equal(await cell(page, "stream", "events"), "32");
    assert.equal(await cell(page, "stream", "length"), String(SAY.length));
    assert.ok((await time(page, "stream", "gap")) <= (await time(page, "stream", "stall")));
    const rate = Number(await cell(page, "stream", "rate"));
    const expected = 32_000 / (total - token);
    assert.ok(Math.abs(rate / expected - 1) < 0.05, `${rate} of ${expected} a second`);
    assert.match(await verdict(page), /^Arrives live\./);
    assert.match(await page.locator("#sooner").innerText(), /^\d+ % sooner$/);
    assert.equal((await page.locator("#one .ticks").getAttribute("d")).match(/M/g).length, 32);
    assert.equal(await cell(page, "whole", "total"), "–");
    assert.equal((await page.locator("#stream-text").textContent()).trim(), SAY.trim());
    assert.deepEqual(page.faults, []);
  });

  test("measures an answer in one piece: its first word is there with its last", async () => {
    const page = await opened();
    await asked(page, "Test non-streaming", { ...FLOWING, whole: 0.4 });
    assert.equal(await cell(page, "whole", "first-token"), await cell(page, "whole", "total"));
    assert.equal(await cell(page, "whole", "events"), "1");
    assert.match(await verdict(page), /^Asked without streaming/);
    assert.equal(await page.locator("#sooner").innerText(), "Nothing to compare");
  });

  test("calls a stream buffered that a proxy keeps until its end", async () => {
    const proxy = await startBufferingProxy(server.base);
    try {
      const page = await opened({ base: proxy.base });
      await asked(page, "Test streaming", FLOWING);
      assert.match(await verdict(page), /^Is buffered on the way/);
      assert.equal(await page.locator("#sooner").innerText(), "Not sooner");
    } finally {
      await context.close();
      proxy.stop();
    }
  });

  test("compares runs, shows each and all, and gives them as JSON and PNG without key or text", async () => {
    const page = await opened();
    await page.locator("#runs").fill("2");
    await asked(page, "Compare 2 runs", FLOWING);
    const percent = parseInt(await page.locator("#sooner").innerText());
    assert.match(await verdict(page), /^2 of 2 streams arrived live\. 4 of 4 answers came whole\..*First word, non-streaming: \d\.\d\d s on average/);
    assert.equal(await page.locator("#spread .dot").count(), 6);
    assert.equal(await page.locator("#rows tr").count(), 3);
    const json = (await saved(page, "json")).toString();
    const { runs, improvement_percent, distribution, failed } = JSON.parse(json);
    assert.deepEqual([runs.length, failed, Math.round(improvement_percent)], [2, 0, percent]);
    const [seen, seenWhole] = ["First word, streaming", "First word, non-streaming"].map((name) => distribution[name]);
    assert.equal(improvement_percent, (1 - seen.mean / seenWhole.mean) * 100);
    for (const { stream, whole } of runs) {
      assert.deepEqual([stream.events.length, whole.events.length, stream.verdict], [32, 1, "live"]);
      assert.deepEqual(stream.events, [...stream.events].sort((a, b) => a - b));
      assert.ok(stream.first_paint < whole.first_paint);
    }
    assert.ok(seen.most < seenWhole.least);
    assert.doesNotMatch(json, /pk_|seven|trial_/);
    const png = await saved(page, "png");
    assert.equal(png.subarray(1, 4).toString(), "PNG");
    assert.ok(png.readUInt32BE(16) > 1000 && png.length > 5000);
    // Each run is there to look at, by the keyboard too.
    await page.locator("#which").focus();
    await page.keyboard.press("Home");
    assert.equal(await page.locator("#which-one").innerText(), "1");
    assert.deepEqual(page.faults, []);
  });

  test("tells an answer that breaks off from one that is whole, and what the server refuses", async () => {
    const page = await opened();
    await asked(page, "Test streaming", { say: SAY, fault: "cut", pace: 0.01 });
    assert.match(await verdict(page), /^Did not come to its end\./);
    assert.equal(await page.locator("#sooner").innerText(), "Nothing to compare");
    await page.locator("[name=key]").evaluate((field) => (field.value = "pk_none"));
    await asked(page, "Test streaming", FLOWING);
    assert.match(await verdict(page), /\(invalid_api_key\)/);
  });

  test("says so where what was chosen in it is no longer taken", async () => {
    const page = await opened();
    await page.route("**/test-streaming", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).replace('data-trial=""', 'data-trial="trial_old"') });
    });
    await page.reload();
    await asked(page, "Test streaming", FLOWING);
    assert.match(await verdict(page), /too old: load it anew/);
  });

  test("stops when it is told to", async () => {
    const page = await opened();
    await page.locator("#prompt").fill(scripted({ ...FLOWING, pace: 5 }));
    await page.getByRole("button", { name: "Test streaming" }).click();
    await page.locator("#stream-text", { hasText: "one" }).waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await over(page);
    assert.equal(await page.locator("#sooner").innerText(), "Nothing to compare");
    assert.ok(await page.getByRole("button", { name: "Test streaming" }).isEnabled());
  });

  test("axe finds nothing in it, light or dark; on a phone nothing is wider than the window; Enter asks", async () => {
    const page = await opened({ bypassCSP: true, viewport: { width: 390, height: 844 } });
    await page.locator("#runs").fill("2");
    await asked(page, "Compare 2 runs", { ...FLOWING, pace: 0.005, whole: 0.1 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
    await page.evaluate(readFileSync("node_modules/axe-core/axe.min.js", "utf8"));
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await page.evaluate(() => axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0].html]), [], colorScheme);
    }
    await page.locator("#runs").press("Enter");
    await over(page);
    assert.equal(await cell(page, "whole", "events"), "–");
    assert.match(await page.getByRole("img").first().getAttribute("aria-label"), /^Streaming: first word after .*, all after .*, 32 events\.$/);
  });
});

describe("what runs come to", () => {
  /** A run whose events come at these times, in milliseconds. */
  async function runOf(times, { isStream = true, end = times.at(-1), usage } = {}) {
    const { Run } = await import("../../../static/pages/answers.js");
    let now = 0;
    const run = new Run(() => now);
    run.isStream = isStream;
    for (now of times) run.heard('{"choices":[{"delta":{"content":"word "}}]}');
    now = end;
    if (usage) run.heard(JSON.stringify({ choices: [], usage: { completion_tokens: usage } }));
    run.heard("[DONE]");
    run.ended();
    return run;
  }

  test("stall, gaps and tokens are counted from the first word on", async () => {
    const { figures } = await import("../../../static/pages/findings.js");
    const even = Array.from({ length: 41 }, (_, n) => 500 + n * 20);
    const found = figures(await runOf([...even, 1800], { usage: 26 }));
    assert.deepEqual([found.stall, found.gap, found["first-token"], found.rate], ["0.50 s", "20 ms", "0.50 s", "20"]);
  });

  test("buffered is what comes within 50 ms after more than a second; a short one tells nothing", async () => {
    const { verdict } = await import("../../../static/pages/findings.js");
    assert.equal(verdict(await runOf([1200, 1201, 1210, 1249])), "buffered");
    assert.equal(verdict(await runOf([1200, 1201, 1210, 1251])), "live");
    assert.equal(verdict(await runOf([900, 901, 902, 903])), "short");
  });

  test("sooner is by the averages, against the same question without streaming; else against the streams' own ends", async () => {
    const { improvement, distribution, summary } = await import("../../../static/pages/findings.js");
    const streams = [await runOf([500, 2000]), await runOf([1500, 2000])];
    const others = [await runOf([8000], { isStream: false }), await runOf([12_000], { isStream: false })];
    assert.equal(improvement(streams), 50);
    assert.equal(improvement([...streams, ...others]), 90);
    assert.equal(improvement(others), null);
    assert.deepEqual(summary(distribution(streams)[0]), { median: 500, p95: 1500, mean: 1000, least: 500, most: 1500 });
  });
});
