/** The dashboard and the doctor's button in a browser: readable on a small phone, without JavaScript too, and kept up to date in place. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, describe, test } from "node:test";

import { IN_CHROMIUM, inChromium, until } from "./harness.mjs";

const KEY = "sk_test_0123456789abcdef";
let server, browser, context;
inChromium((...all) => ([server, , browser] = all));
afterEach(() => context?.close());

async function opened(path = "/admin/latency", options = {}) {
  context = await browser.newContext({ viewport: { width: 320, height: 700 }, ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
  await page.goto(server.base + path);
  return page;
}

async function ask() {
  const response = await fetch(`${server.base}/v1/chat/completions`, { method: "POST", headers: { "Content-Type": "application/json", Authorization: `Bearer ${KEY}` }, body: JSON.stringify({ model: "mock-instant", stream: true, messages: [{ role: "user", content: "Hi" }] }) });
  assert.match(await response.text(), /\[DONE\]/);
}

/** @param {import("playwright-core").Page} page */
async function clean(page) {
  await page.evaluate(readFileSync("node_modules/axe-core/axe.min.js", "utf8"));
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await page.emulateMedia({ colorScheme });
    const { violations, passes } = await page.evaluate(() => axe.run());
    assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0].html]), [], colorScheme);
    assert.ok(passes.length > 15);
  }
}
const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth);
const count = (page) => page.locator("[data-fresh=codes] tr", { hasText: "ok" }).locator("td").first().innerText();

describe("the dashboard", IN_CHROMIUM, () => {
  test("is there without JavaScript: what was asked, its percentiles, and a plot", async () => {
    await ask();
    const page = await opened("/admin/latency?of=day", { javaScriptEnabled: false });
    assert.ok(Number(await count(page)) >= 1);
    assert.match(await page.locator("[data-fresh=sums] tr", { hasText: "P95" }).first().innerText(), /\d+ ms/);
    assert.match(await page.locator("[data-fresh=first-plot] .p50").getAttribute("d"), /^M[\d.]+ [\d.]+[hL]\d/);
    assert.equal(await page.getByRole("link", { name: "Last day" }).getAttribute("aria-current"), "page");
  });

  test("axe finds nothing, light or dark, and on the smallest phone nothing is wider than the window", async () => {
    await ask();
    for (const path of ["/admin/latency", "/admin/latency?of=day"]) {
      const page = await opened(path, { bypassCSP: true });
      await page.locator("summary").click();
      assert.equal(await wide(page), 320);
      await clean(page);
      assert.deepEqual(page.faults, []);
      await context.close();
    }
  });

  test("comes up to date by itself, and leaves scroll, focus and what is unfolded where they are", async () => {
    await ask();
    const page = await opened();
    await page.locator("summary").click();
    await page.locator(".all").focus();
    await page.evaluate(() => document.querySelector(".all tbody tr:last-child").scrollIntoView({ block: "end" }));
    const place = () => page.evaluate(() => [scrollY, document.activeElement.className, document.querySelector("details").open]);
    const [before, asked] = [await place(), Number(await count(page))];
    await ask();
    await until(async () => Number(await count(page)) > asked, "the new answer is shown");
    assert.deepEqual(await place(), before);
    assert.equal(await page.locator("#fresh").innerText(), "");
    assert.deepEqual(page.faults, []);
  });

  test("says so where no newer numbers can be had", async () => {
    const page = await opened();
    await page.route("**/admin/latency", (route) => route.fulfill({ status: 401, body: "" }));
    await page.locator("#fresh", { hasText: "Load this page again" }).waitFor();
  });
});

describe("the doctor's button", IN_CHROMIUM, () => {
  test("shows what is found as it comes, to the operator alone", async () => {
    const page = await opened("/admin", { bypassCSP: true });
    await page.goto(`${server.base}/test-streaming`);
    assert.equal(await page.getByRole("button", { name: "Examine the way" }).count(), 0);
    await page.goto(`${server.base}/admin`);
    await page.locator("#key").fill(KEY);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.goto(`${server.base}/test-streaming`);
    const begin = page.getByRole("button", { name: "Examine the way" });
    await begin.click();
    await page.locator("[data-running] li", { hasText: "Errors: good" }).waitFor();
    assert.ok(await begin.isDisabled());
    await page.locator("[role=status]", { hasText: "nothing found." }).waitFor({ timeout: 60_000 });
    assert.ok((await page.locator(".steps li").allInnerTexts()).includes("Many streams at once: good"));
    assert.equal(await wide(page), 320);
    await clean(page);
    assert.deepEqual(page.faults, []);
  });
});
