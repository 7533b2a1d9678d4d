/** What a widget goes through so that it asks all that it ever asks of its server, and reads all that it ever reads. */
import { pageWith, scripted } from "../e2e/harness.mjs";

const CITATIONS = [{ id: "c1", n: 1, title: "Delivery", url: "https://shop.example/delivery", place: "Delivery", text: "Two days." }];

/**
 * In the page, before the widget: keep its requests, and of their answers the headers and fields that it looks at.
 */
export const listen = () => {
  const calls = (window.calls = []);
  const read = () => calls.at(-1)?.reads ?? {};
  const kindOf = (value) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
  // Accessors and no proxies: those can't be sent to other tabs.
  const watched = (value, path, reads) => {
    if (value === null || typeof value !== "object") return value;
    for (const name of Object.keys(value)) {
      const at = Array.isArray(value) ? `${path}[]` : path ? `${path}.${name}` : name;
      let found = watched(value[name], at, reads);
      const kind = kindOf(found);
      const get = () => {
        reads[at] = [...new Set([...(reads[at]?.split("|") ?? []), kind])].sort().join("|");
        return found;
      };
      Object.defineProperty(value, name, { enumerable: true, configurable: true, get, set: (other) => (found = other) });
    }
    return value;
  };
  const { parse } = JSON;
  const isStored = (text) => Object.values({ ...localStorage }).includes(text);
  /** The call that a response, its headers, or its text belong to. */
  const callOf = new WeakMap();
  const callOfText = new Map();
  // One answer streams at a time.
  const streaming = () => calls.findLast(({ sent }) => sent.accept === "text/event-stream");
  JSON.parse = (text, ...more) => {
    const value = parse(text, ...more);
    const call = callOfText.get(text) ?? streaming();
    return isStored(text) || !call ? value : watched(value, "", call.reads);
  };
  const { text: textOf } = Response.prototype;
  Response.prototype.text = async function () {
    const text = await textOf.call(this);
    if (callOf.has(this)) callOfText.set(text, callOf.get(this));
    return text;
  };
  Response.prototype.json = async function () {
    return JSON.parse(await this.text());
  };
  const { get } = Headers.prototype;
  Headers.prototype.get = function (name) {
    const found = get.call(this, name);
    if (found !== null && callOf.has(this)) callOf.get(this).headers[name.toLowerCase()] = found;
    return found;
  };
  const { fetch } = window;
  window.fetch = async (url, init = {}) => {
    const request = new Request(url, { ...init, signal: null });
    const { pathname, search } = new URL(request.url);
    const sent = Object.fromEntries(request.headers);
    const call = { method: request.method, path: pathname + search, sent, body: init.body ?? null, status: 0, headers: {}, reads: {} };
    calls.push(call);
    const response = await fetch(url, init);
    call.status = response.status;
    callOf.set(response, call).set(response.headers, call);
    return response;
  };
};

/** @param {import("playwright-core").Page} page */
function chatOf(page) {
  const widget = page.locator("chatbot-widget");
  const said = async (text) => {
    await widget.locator("textarea").fill(text);
    await widget.locator("textarea").press("Enter");
  };
  return {
    widget,
    open: () => widget.locator(".launcher").click(),
    /** @param {string} text @param {string} end what is there when it is over */
    async ask(text, end = ".actions") {
      const before = await widget.locator(`.bot ${end}`).count();
      await said(text);
      await widget.locator(`.bot ${end}`).nth(before).waitFor();
    },
  };
}

/** With a key that is in order. */
async function talk(page) {
  const { widget, open, ask } = chatOf(page);
  await open();
  await widget.locator(".suggestions button").first().waitFor();
  await ask(scripted({ say: "Two days [1].", citations: CITATIONS }));
  const rated = page.waitForResponse((response) => response.url().endsWith("/feedback"));
  await widget.locator(".bot .actions button[aria-pressed]").first().click();
  await rated;
  await ask("And above 40 euros?");
  const answered = page.evaluate(() => new Promise((done) => ChatbotWidget.on("answer", done)));
  await widget.getByRole("button", { name: "Answer again" }).last().click();
  await answered;
  await ask(scripted({ fault: "error_mid" }), ".notice");
}

/** On the next page, where the talk is there again, and is deleted; and a question that the page asks by itself. */
async function comeBack(page) {
  const { widget, open } = chatOf(page);
  await open();
  await widget.locator(".user").nth(2).waitFor();
  await page.evaluate(() => ChatbotWidget.current.forgetConversation());
  await page.evaluate(async () => {
    const { host, key } = document.querySelector("script[data-key]").dataset;
    await new ChatAPI({ baseUrl: host, key }).sendMessageNonStreaming([{ role: "user", content: "How long?" }]);
  });
}

/** With one that may ask once a minute. */
async function beHeldBack(page) {
  const { widget, open, ask } = chatOf(page);
  await open();
  await widget.locator("h2", { hasText: "Narrow" }).waitFor();
  await ask("How long is the delivery?");
  await ask("And above 40 euros?", ".notice");
}

/** With one that is none. */
async function beRefused(page) {
  const { widget, open } = chatOf(page);
  await open();
  await widget.locator(".notice").waitFor();
}

/**
 * All of it, with the loader of a version.
 * @param {{ server: any, site: any, browser: import("playwright-core").Browser }} around @param {string} version
 * @returns the calls of the widget
 */
export async function run({ server, site, browser }, version) {
  const calls = [];
  for (const [key, pages] of [[server.keys.shop, [talk, comeBack]], [server.keys.narrow, [beHeldBack]], ["pk_none", [beRefused]]]) {
    const src = `${server.base}/static/widget/js/${version}/chatbot-widget.js`;
    const tag = `<script src="${src}" data-key="${key}" data-host="${server.base}" async></script>`;
    const context = await browser.newContext();
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    await page.addInitScript(listen);
    for (const work of pages) {
      await page.goto(site.add(`/contract-${key}`, pageWith(tag)));
      await work(page);
      await page.waitForFunction(() => window.calls.every(({ status }) => status));
      calls.push(...(await page.evaluate(() => window.calls)));
    }
    await context.close();
  }
  return calls;
}
