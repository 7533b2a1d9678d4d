/** What a widget goes through so that it asks all that it ever asks of its server, and reads all that it ever reads. */
import { pageWith, scripted } from "../e2e/harness.mjs";

const CITATIONS = [{ id: "c1", n: 1, title: "Delivery", url: "https://shop.example/delivery", place: "Delivery", text: "Two days." }];

/**
 * In the page, before the widget: keep its requests, and of their answers the headers and fields that it looks at. Steps come
 * one after another, so what is read belongs to the newest request.
 */
export const listen = () => {
  const calls = (window.calls = []);
  const read = () => calls.at(-1)?.reads ?? {};
  const kindOf = (value) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
  const watched = (value, path, reads) => {
    if (value === null || typeof value !== "object") return value;
    const get = (target, name) => {
      const found = target[name];
      if (typeof name === "symbol" || typeof found === "function" || !Object.hasOwn(target, name) || name === "length") return found;
      const at = Array.isArray(target) ? `${path}[]` : path ? `${path}.${name}` : name;
      reads[at] = [...new Set([...(reads[at]?.split("|") ?? []), kindOf(found)])].sort().join("|");
      return watched(found, at, reads);
    };
    return new Proxy(value, { get });
  };
  const { parse } = JSON;
  const isStored = (text) => Object.values({ ...localStorage }).includes(text);
  JSON.parse = (text, ...more) => (isStored(text) ? parse(text, ...more) : watched(parse(text, ...more), "", read()));
  Response.prototype.json = async function () {
    return JSON.parse(await this.text());
  };
  const { get } = Headers.prototype;
  Headers.prototype.get = function (name) {
    const found = get.call(this, name);
    if (found !== null && calls.length) calls.at(-1).headers[name.toLowerCase()] = found;
    return found;
  };
  const { fetch } = window;
  window.fetch = async (url, init = {}) => {
    const request = new Request(url, { ...init, signal: null });
    const { pathname, search } = new URL(request.url);
    const sent = Object.fromEntries(request.headers);
    calls.push({ method: request.method, path: pathname + search, sent, body: init.body ?? null, status: 0, headers: {}, reads: {} });
    const call = calls.at(-1);
    const response = await fetch(url, init);
    call.status = response.status;
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
  await ask(scripted({ fault: "error_mid" }), ".notice");
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
  for (const [key, work] of [[server.keys.shop, talk], [server.keys.narrow, beHeldBack], ["pk_none", beRefused]]) {
    const src = `${server.base}/static/widget/js/${version}/chatbot-widget.js`;
    const tag = `<script src="${src}" data-key="${key}" data-host="${server.base}" async></script>`;
    const context = await browser.newContext();
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    await page.addInitScript(listen);
    await page.goto(site.add(`/contract-${key}`, pageWith(tag)));
    await work(page);
    calls.push(...(await page.evaluate(() => window.calls)));
    await context.close();
  }
  return calls;
}
