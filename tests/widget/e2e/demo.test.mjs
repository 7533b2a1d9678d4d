/** The front page: the chat as it is on any page, times that are this server's own, and a tag that gives the same chat elsewhere. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, describe, test } from "node:test";

import { IN_CHROMIUM, inChromium, pageWith, scripted, until } from "./harness.mjs";

let server, site, browser, context;
inChromium((...all) => ([server, site, browser] = all));
afterEach(() => context?.close());

/** The front page; what went wrong in it is in `page.faults`. */
async function front({ key = server.keys.shop, ...options } = {}) {
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
  await page.goto(`${server.base}/${key && `#key=${key}`}`);
  return page;
}

const there = (page) => page.waitForFunction(() => window.ChatbotWidget && "current" in ChatbotWidget);
const panel = (page) => page.locator("chatbot-widget .panel h2", { hasText: "Tea shop" });
const text = (page, id) => page.locator(`#${id}`).innerText();
const written = (page) => page.locator("#code").inputValue();

async function ask(page, told) {
  await page.locator("chatbot-widget textarea").fill(scripted(told));
  await page.locator("chatbot-widget textarea").press("Enter");
}

/** The editor's fields as somebody sets them. @param {Record<string, string>} values */
async function set(page, values) {
  for (const [id, value] of Object.entries(values)) {
    const field = page.locator(`#${id}`);
    if ((await field.evaluate((node) => node.localName)) === "select") await field.selectOption(value);
    else await field.fill(value);
    await field.blur();
  }
}

/** What the chat looks like and where it stands, with all that a page may have a say in. */
const looks = (page) =>
  page.evaluate(() => {
    const { shadowRoot: root } = document.querySelector("chatbot-widget");
    const NAMES = ["position", "left", "right", "bottom", "width", "height", "borderRadius", "fontSize", "fontFamily",
      "backgroundColor", "color", "colorScheme", "zIndex", "direction"];
    const of = (selector) => {
      const style = getComputedStyle(root.querySelector(selector));
      return NAMES.map((name) => `${selector} ${name}: ${style[name]}`);
    };
    const named = [root.querySelector(".launcher").getAttribute("aria-label"), ...["aria-label", "placeholder"].map((name) => root.querySelector("textarea").getAttribute(name))];
    return [...of(".launcher"), ...of(".panel"), ...of(".composer, form"), ...named];
  });

describe("the front page", IN_CHROMIUM, () => {
  test("has the chat of the key in its address, open beside the text, and keeps the key out of the address", async () => {
    const page = await front();
    await panel(page).waitFor();
    assert.equal(page.url(), `${server.base}/`);
    assert.equal(await text(page, "name"), "Tea shop");
    assert.equal(await page.evaluate(() => document.activeElement.localName), "body");
    const [main, chat] = await page.evaluate(() =>
      [document.querySelector("main"), document.querySelector("chatbot-widget").shadowRoot.querySelector(".panel")]
        .map((node) => node.getBoundingClientRect().toJSON()));
    assert.ok(main.right <= chat.left, `${main.right} ${chat.left}`);
    assert.deepEqual(page.faults, []);
  });

  test("without a key it asks for one, and shows that bot's chat", async () => {
    const page = await front({ key: "", extraHTTPHeaders: { "X-Forwarded-For": "203.0.113.7" } });
    await page.locator("#key").fill(server.keys.shop);
    assert.ok(await page.locator("#measure").isDisabled());
    await page.locator("#key").press("Enter");
    await panel(page).waitFor();
    assert.ok((await written(page)).includes(`data-key="${server.keys.shop}"`));
  });

  test("a key that is none is told with the server's reason", async () => {
    const page = await front({ key: "pk_none" });
    await page.locator("#measured", { hasText: "(invalid_api_key)" }).waitFor();
  });

  test("on a phone the chat is closed until its button is pressed, and nothing is wider than the window", async () => {
    const page = await front({ viewport: { width: 390, height: 844 } });
    await there(page);
    assert.ok(await page.locator("chatbot-widget .panel").isHidden());
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
    await page.getByRole("button", { name: "Open the chat" }).click();
    await panel(page).waitFor();
  });

  test("axe finds nothing in it, light or dark", async () => {
    const page = await front({ bypassCSP: true });
    await there(page);
    await set(page, { radius: "4", lang: "it" });
    await page.getByRole("button", { name: "Measure now" }).click();
    await page.locator("#measured", { hasText: "events" }).waitFor();
    await there(page);
    // The chat itself is looked at by its own tests.
    await page.evaluate(() => ChatbotWidget.destroy());
    await page.evaluate(readFileSync("node_modules/axe-core/axe.min.js", "utf8"));
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await page.evaluate(() => axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0].html]), [], colorScheme);
    }
  });

  test("can be gone through by the keyboard alone, to the copy of the tag", async () => {
    const page = await front({ permissions: ["clipboard-read", "clipboard-write"] });
    await panel(page).waitFor();
    const seen = [];
    for (let n = 0; n < 40 && seen.at(-1) !== "copy"; n++) {
      await page.keyboard.press("Tab");
      seen.push(await page.evaluate(() => document.activeElement.id || document.activeElement.localName));
    }
    for (const id of ["open", "measure", "accent", "theme", "radius", "code", "copy"]) assert.ok(seen.includes(id), `${id}: ${seen}`);
    await page.keyboard.press("Enter");
    await page.locator("#copied", { hasText: "Copied" }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await written(page));
  });
});

describe("its latency", IN_CHROMIUM, () => {
  test("is that of each question to the chat, drawn as it comes, and says how much sooner", async () => {
    const page = await front();
    await panel(page).waitFor();
    await ask(page, { say: "one two three four five six seven eight nine ten ".repeat(3), chunk: 10, pace: 0.06 });
    await page.locator("#picture .first").waitFor({ state: "attached" });
    await page.locator("#sooner", { hasText: /^\d+(\.\d)? times sooner$/ }).waitFor();
    for (const id of ["first-byte", "on-server", "first-word", "total"]) assert.match(await text(page, id), /^(\d+\.\d\d s|\d+ ms)$/);
    assert.ok(Number(await text(page, "events")) > 10);
    assert.ok(Number(await text(page, "rate")) > 1);
    assert.match(await page.locator("#picture .words").getAttribute("d"), /(H[\d.]+V[\d.]+){10}/);
    assert.equal(await page.locator("#picture .whole").count(), 1);
    const { shown } = await page.evaluate(() => ({ shown: document.body.innerText }));
    assert.ok(!shown.includes("seven eight"), "what was said stays in the chat");
    await ask(page, { say: "One more.", n: "demo" });
    await page.locator("#earlier li").waitFor();
    assert.match(await page.locator("#earlier li").innerText(), /s of .* s\s+\d+(\.\d)? times sooner/);
    assert.deepEqual(page.faults, []);
  });

  test("is measured without a word in the chat, too", async () => {
    const page = await front();
    await panel(page).waitFor();
    await page.getByRole("button", { name: "Measure now" }).click();
    await page.locator("#measured", { hasText: /the whole answer after .* events/ }).waitFor();
    assert.equal(await page.locator("chatbot-widget .user").count(), 0);
  });

  test("of an answer that breaks off is compared with nothing", async () => {
    const page = await front();
    await panel(page).waitFor();
    await ask(page, { say: "Some words that are never ended.", chunk: 4, pace: 0.02, fault: "cut" });
    await page.locator("#sooner", { hasText: "No whole answer" }).waitFor();
  });

  test("a stream that a proxy keeps until its end is told from one that flows", async () => {
    const { Run } = await import("../../../static/pages/answers.js");
    const of = (times) => {
      let now = 0;
      const run = new Run(() => now);
      for (const at of times) {
        now = at;
        run.heard('{"choices":[{"delta":{"content":"word "}}]}');
      }
      run.heard("[DONE]");
      run.ended();
      return run;
    };
    assert.equal(of([4000, 4001, 4002, 4003, 4004]).isHeldBack, true);
    const flowing = of([400, 1300, 2200, 3100, 4000]);
    assert.deepEqual([flowing.isHeldBack, flowing.sooner, flowing.words, flowing.isWhole], [false, 10, 5, true]);
    assert.equal(of([100, 101, 102, 103]).isHeldBack, false);
  });
});

describe("the tag that its editor writes", IN_CHROMIUM, () => {
  const CHOICE = {
    accent: "#ffd166", theme: "dark", position: "left", lang: "it", label: `"Ask" <us> & 'them'`, radius: "4", fontSize: "18", width: "440",
    height: "500", offsetX: "48", offsetY: "64",
  };

  test("gives a page of another origin the chat that is seen here", async () => {
    const page = await front();
    await panel(page).waitFor();
    await set(page, CHOICE);
    await page.locator(`chatbot-widget .launcher[aria-label*="Ask"]`).waitFor();
    await panel(page).waitFor();
    const [here, pasted] = [await looks(page), await written(page)];
    const other = await context.newPage();
    await other.goto(site.add("/pasted", pageWith(pasted)));
    await other.setViewportSize({ width: 1280, height: 800 });
    await other.locator("chatbot-widget .launcher").click();
    await panel(other).waitFor();
    assert.deepEqual(await looks(other), here);
    assert.ok(here.includes(".launcher backgroundColor: rgb(255, 209, 102)"));
    assert.equal(await other.evaluate(() => document.querySelectorAll("chatbot-widget, us").length), 1);
    assert.deepEqual(page.faults, []);
  });

  test("names what was chosen and nothing else; sizes and colours as custom properties", async () => {
    const page = await front();
    await panel(page).waitFor();
    const plain = await written(page);
    assert.doesNotMatch(plain, /<style>|data-(?!key)/);
    await set(page, CHOICE);
    const full = await written(page);
    for (const part of [`data-theme="dark"`, `data-position="left"`, `data-lang="it"`, `data-offset-x="48"`, `data-offset-y="64"`,
      `data-label="&quot;Ask&quot; &lt;us&gt; &amp; 'them'"`, "--chatbot-accent: #ffd166;", "--chatbot-on-accent: #16191d;",
      "--chatbot-radius: 4px;", "--chatbot-font-size: 18px;", "--chatbot-width: 440px;", "--chatbot-height: 500px;"]) {
      assert.ok(full.includes(part), part);
    }
    await page.getByRole("button", { name: "As at first" }).click();
    await page.waitForFunction((text) => document.getElementById("code").value === text, plain);
  });

  test("says nothing in vain: each field changes the chat, and back", async () => {
    const page = await front();
    await panel(page).waitFor();
    const types = readFileSync("static/widget/src/ui.d.ts", "utf8");
    const names = Object.keys(CHOICE).filter((name) => name !== "lang" || types.includes("  lang?:"));
    const first = JSON.stringify(await looks(page));
    // Between two tags there is no chat at all.
    const shown = () => looks(page).then(JSON.stringify, () => "");
    for (const name of names) {
      await set(page, { [name]: CHOICE[name] });
      await until(async () => ![first, ""].includes(await shown()), name);
      await page.getByRole("button", { name: "As at first" }).click();
      await until(async () => (await shown()) === first, `${name}, and back`);
    }
  });

  test("moves with the chat: this page makes room on the other side", async () => {
    const page = await front();
    await panel(page).waitFor();
    await set(page, { position: "left", width: "560", offsetX: "60" });
    await page.waitForFunction(() => {
      const chat = document.querySelector("chatbot-widget")?.shadowRoot.querySelector(".panel");
      return chat && !chat.hidden && chat.getBoundingClientRect().right <= document.querySelector("main").getBoundingClientRect().left;
    });
    assert.equal(await page.locator("chatbot-widget").count(), 1);
  });

  test("leaves the chat closed where the visitor has closed it", async () => {
    const page = await front();
    await panel(page).waitFor();
    await page.locator("chatbot-widget .launcher").click();
    await set(page, { label: "Help" });
    await page.locator(`chatbot-widget .launcher[aria-label="Help"]`).waitFor();
    await there(page);
    assert.ok(await page.locator("chatbot-widget .panel").isHidden());
  });
});
