/** What visitors saw: told to the server once an answer, as two numbers, where it wants to know; on the console where the page does; else not at all. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { IN_CHROMIUM, inChromium, pageWith, scripted, startServer, tag, until } from "./harness.mjs";

const TOLD = "/api/v1/widget/perceived";
const SAY = "canary words of an answer ".repeat(8);
const FLOWING = { say: SAY, chunk: 20, first: 0.3, pace: 0.03 };

let server, site, browser, asking, context;
inChromium((...all) => ([server, site, browser] = all));
before(async () => (asking = IN_CHROMIUM.skip ? null : await startServer({ CHATBOT_PERCEIVED: "true" })));
after(() => asking?.stop());
afterEach(() => context?.close());

let n = 0;
/** A page with the open chat of a server, and what it has sent and said. */
async function opened(of, more = "") {
  context = await browser.newContext();
  const page = await context.newPage();
  Object.assign(page, { sent: [], said: [], files: [] });
  page.on("request", (request) => {
    if (request.url().endsWith(TOLD)) page.sent.push({ ...request.headers(), method: request.method(), body: request.postData() });
    if (request.url().includes("timing-")) page.files.push(request.url());
  });
  page.on("console", (message) => page.said.push(message.text()));
  const isWanted = of === asking || more.includes("debug");
  const part = isWanted && page.waitForResponse((response) => response.url().includes("timing-"));
  await page.goto(site.add(`/perceived-${++n}`, pageWith(tag(of, more, of.keys.shop))));
  await page.locator(".launcher").click();
  await page.locator(".suggestions").waitFor();
  // What is asked before it is there is not measured.
  if (part) await page.evaluate((url) => import(url), (await part).url());
  return page;
}

/** Ask, and wait for the end. */
async function asked(page, told) {
  await page.evaluate((question) => new Promise((done) => {
    for (const end of ["answer", "error"]) ChatbotWidget.on(end, done);
    void ChatbotWidget.send(question);
  }), scripted({ ...told, n: ++n }));
}

async function dashboard(of) {
  return (await fetch(`${of.base}/admin/latency.json`)).json();
}

describe("what a visitor saw", IN_CHROMIUM, () => {
  test("is told once an answer as two numbers, in the order of what happened, and is on the dashboard", async () => {
    const page = await opened(asking);
    for (const number of [1, 2]) {
      await asked(page, FLOWING);
      await until(() => page.sent.length === number, `answer ${number} is told`);
    }
    for (const { method, body, authorization, cookie, ...headers } of page.sent) {
      assert.equal(method, "POST");
      const told = JSON.parse(body);
      assert.deepEqual(Object.keys(told), ["first", "total"]);
      assert.ok(300 <= told.first && told.first < told.total, body);
      assert.equal(authorization, `Bearer ${asking.keys.shop}`);
      assert.deepEqual([cookie, headers["x-session-id"], headers.referer || undefined], [undefined, undefined, undefined]);
    }
    const { perceived_first_token: seen, first_token: made } = await until(async () => {
      const { day } = await dashboard(asking);
      return day.perceived_first_token.p50 && day;
    }, "it is counted");
    assert.ok(seen.p50 >= 0.2 && made.p50 >= 0.2);
    const metrics = await (await fetch(`${asking.base}/metrics`)).text();
    assert.match(metrics, /chatbot_perceived_first_token_seconds_count\{bot="shop"\} 2\.0/);
  });

  test("of an answer that comes at once, and of one that breaks off, is told too; of one without a word nothing is", async () => {
    const page = await opened(asking);
    await asked(page, { say: "At once.", chunk: 100 });
    await until(() => page.sent.length === 1, "the first is told");
    await asked(page, { say: SAY, fault: "cut", pace: 0.01 });
    await until(() => page.sent.length === 2, "the second is told");
    await page.route("**/chat/completions", (route) => route.fulfill({ status: 400, json: { error: { message: "No.", type: "x", code: "invalid_request", param: null } } }));
    await asked(page, { say: SAY });
    await page.unroute("**/chat/completions");
    await asked(page, { say: "Again.", chunk: 100 });
    await until(() => page.sent.length === 3, "the fourth is told");
    assert.equal(page.sent.length, 3);
  });

  test("of an answer that was not in sight all the time is not told", async () => {
    const page = await opened(asking);
    await page.evaluate(() => ChatbotWidget.on("question", () => queueMicrotask(() => {
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
      delete document.hidden;
    })));
    await asked(page, FLOWING);
    await page.evaluate(() => ChatbotWidget.destroy());
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
    assert.deepEqual(page.sent, []);
  });

  test("is nobody's business by default: no file for it is loaded, and nothing is sent", async () => {
    const page = await opened(server);
    await asked(page, FLOWING);
    await page.locator(".bot .actions").waitFor();
    assert.deepEqual([page.sent, page.files], [[], []]);
    const refused = await fetch(server.base + TOLD, { method: "POST", headers: { "Content-Type": "application/json", Authorization: `Bearer ${server.keys.shop}`, Origin: site.origin }, body: '{"first":1,"total":2}' });
    assert.equal(refused.status, 404);
  });

  test("stands on the console with data-debug, beside the server's own share; the server is told nothing, and no word of the answer is there", async () => {
    const page = await opened(server, "data-debug");
    await asked(page, FLOWING);
    const found = await until(() => page.said.find((text) => text.includes("first words on the screen")), "the times");
    const [, first, total] = /after (\d+) ms, all after (\d+) ms/.exec(found).map(Number);
    assert.ok(300 <= first && first < total, found);
    const share = await until(() => page.said.find((text) => text.includes("in the server")), "the server's share");
    assert.match(share, /auth [\d.]+ ms.*upstream [\d.]+ ms.*first-byte [\d.]+ ms/);
    assert.doesNotMatch(page.said.join("\n"), /canary|pk_/);
    assert.deepEqual(page.sent, []);
  });
});
