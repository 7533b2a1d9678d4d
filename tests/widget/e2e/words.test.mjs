/** The chat in its languages: which one it speaks, that it speaks it throughout, from right to left too, and that it asks first where it should. */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";

import arabic from "../../../static/widget/src/locales/ar.js";
import english from "../../../static/widget/src/locales/en.js";
import italian from "../../../static/widget/src/locales/it.js";
import japanese from "../../../static/widget/src/locales/ja.js";
import { say, speak } from "../../../static/widget/src/words.js";
import { IN_CHROMIUM, inChromium, pageWith, scripted, tag, until } from "./harness.mjs";
import { NONCE, noteViolations, POLICIES, TRUSTED_TYPES } from "./hostile.mjs";

const LANGUAGES = { it: italian, ar: arabic, ja: japanese };

let server, site, browser, context;
inChromium((...all) => ([server, site, browser] = all));
afterEach(() => context?.close());

let count = 0;
/** A page in a language, with the closed chat; `page.requests` are those to the server. */
async function visit({ lang = "", more = "", key, config, headers, init, arrive = true, ...options } = {}) {
  context = await browser.newContext({ viewport: { width: 1000, height: 760 }, ...options });
  context.setDefaultTimeout(20_000);
  return open({ lang, more, key, config, headers, init, arrive });
}

/** The same in another tab. */
async function open({ lang = "", more = "", key, config, headers, init, arrive = true }) {
  const page = await context.newPage();
  page.requests = [];
  page.on("request", (request) => request.url().startsWith(server.base) && page.requests.push(request));
  await page.addInitScript(noteViolations);
  if (init) await page.addInitScript(init);
  const told = config ? `<script>chatbotConfig = ${JSON.stringify(config)}</script>` : "";
  const html = pageWith(told + tag(server, more, key)).replace(' lang="en"', lang && ` lang="${lang}"`);
  await page.goto(site.add(`/${++count}`, { html, headers }));
  if (arrive) await page.waitForFunction(() => window.ChatbotWidget && "current" in ChatbotWidget);
  return page;
}

async function chat(options) {
  const page = await visit(options);
  await page.locator(".launcher").click();
  await page.locator(".panel h2", { hasText: /shop|Narrow/ }).waitFor();
  return page;
}

async function ask(page, told) {
  await page.locator("textarea").fill(typeof told === "string" ? told : scripted(told));
  await page.locator("textarea").press("Enter");
}

const done = (page, n = 1) => until(async () => (await page.locator(".bot .actions").count()) >= n, "an answer");
const spoken = (page) => page.locator(".panel").evaluate(({ lang, dir }) => [lang, dir]);
const files = (page) => page.requests.map((request) => request.url()).filter((url) => url.includes("/words-")).map((url) => /words-(\w+)/.exec(url)[1]);

/** All English texts as patterns, but those that are the language's own too. */
const patterns = (words) =>
  Object.entries({ ...english, ...english.failures })
    .filter(([key, text]) => typeof text === "string" && text !== words[key])
    .map(([, text]) => text.replace(/\{\w+, plural.*?other \{(.*?)\}\}/g, "$1").split(/#|\{\w+\}/))
    .map((parts) => new RegExp(`^${parts.map((part) => part.replace(/[.*+?^$()[\]\\|]/g, "\\$&")).join(".+")}$`));

/** What the chat shows or says by itself: texts and names, without what the bot or a visitor said. */
const texts = (page) => page.evaluate(() => {
  const root = document.querySelector("chatbot-widget").shadowRoot;
  const said = [];
  const walk = (node) => {
    if (node instanceof Text && node.data.trim()) said.push(node.data.trim());
    if (!(node instanceof Element)) return;
    for (const name of ["aria-label", "title", "placeholder", "alt"]) if (node.hasAttribute(name)) said.push(node.getAttribute(name));
    for (const child of node.childNodes) walk(child);
  };
  for (const child of root.childNodes) walk(child);
  return [...new Set(said)];
});

async function noEnglish(page, words, when) {
  const found = (await texts(page)).filter((text) => patterns(words).some((pattern) => pattern.test(text)));
  assert.deepEqual(found, [], when);
}

const CITATIONS = [{ id: "a", n: 1, title: "T", url: "https://shop.example/teas", place: "", text: "x" }];
const failing = (status, code, headers = {}) => (route) => route.fulfill({ status, headers: { "Access-Control-Allow-Origin": "*", "X-Request-ID": "req_1", "Access-Control-Expose-Headers": "Retry-After, X-Request-ID", ...headers }, json: { error: { message: "…", type: "server_error", code, param: null } } });

describe("from the tag to an answer, in the page's language", IN_CHROMIUM, () => {
  for (const [name, words] of Object.entries(LANGUAGES)) {
    test(`${name}: nothing of English is in sight`, async () => {
      speak(name);
      const page = await chat({ lang: name });
      const named = (text, values) => page.getByRole("button", { name: say(text, values), exact: true });
      assert.deepEqual(await spoken(page), [name, name === "ar" ? "rtl" : "ltr"]);
      assert.equal(await page.locator(".launcher").getAttribute("aria-label"), words.open);
      assert.equal(await page.locator("textarea").getAttribute("placeholder"), words.placeholder);
      await noEnglish(page, words, "opened");

      await ask(page, { say: "One two three [1] [2]\n\n- [x] a\n- [ ] b\n\n![c](https://shop.example/c.png)\n\n```\nd\n```", citations: CITATIONS });
      await done(page);
      const status = page.locator(".panel > [role=status]");
      assert.match(await status.textContent(), new RegExp(`^${words.answered.split("{")[0]}`));
      assert.equal(await page.locator(".sources h3").last().textContent(), words.sources);
      await named(words.source, { n: 1, title: "T" }).click();
      await noEnglish(page, words, "answered");

      await named(words.helpful).click();
      await page.locator(".actions", { hasText: words.thanks }).waitFor();
      await noEnglish(page, words, "rated");

      await page.route("**/chat/completions", failing(503, "overloaded", { "Retry-After": "30" }));
      await ask(page, "Again?");
      const [before] = words.retrying.split("{");
      await page.locator(".retrying", { hasText: before }).waitFor();
      await noEnglish(page, words, "counted down");
      await page.getByRole("button", { name: words.cancel, exact: true }).click();
      await page.locator(".notice", { hasText: words.failures.unavailable }).waitFor();
      await noEnglish(page, words, "failed");
      speak("en");
    });

    test(`${name}: says that it is an AI, and has the owner's privacy link`, async () => {
      const page = await chat({ lang: name, config: { words: { ai: "", privacy: " " } } });
      const note = page.locator(".note");
      assert.ok((await note.textContent()).startsWith(say(words.ai, { name: "Tea shop" })));
      const link = note.getByRole("link", { name: words.privacy });
      assert.equal(await link.getAttribute("href"), "https://shop.example/privacy");
    });
  }
});

describe("the language", IN_CHROMIUM, () => {
  const cases = [
    ["of the page, with its country", { lang: "it-CH" }, "it-CH", italian],
    ["of the page, as some write it", { lang: "it_IT" }, "it-IT", italian],
    ["of the tag, over the page's", { lang: "en", more: 'data-lang="ja"' }, "ja", japanese],
    ["of the page, over the browser's", { lang: "en", locale: "it-IT" }, "en", english],
    ["of the browser, where the page has none", { locale: "ar-EG" }, "ar-EG", arabic],
    ["that is unknown is English", { lang: "xx", locale: "it-IT" }, "en", english],
    ["that is none is English", { more: 'data-lang="日本 \u0001"', locale: "en-US" }, "en", english],
  ];
  for (const [name, options, lang, words] of cases) {
    test(name, async () => {
      const page = await chat(options);
      assert.equal((await spoken(page))[0], lang);
      assert.equal(await page.locator("textarea").getAttribute("aria-label"), words.input);
    });
  }

  test("English loads no file of words, another its own only", async () => {
    assert.deepEqual(files(await chat({ lang: "en" })), []);
    await context.close();
    assert.deepEqual(files(await chat({ lang: "it" })), ["it"]);
  });

  test("goes to the server", async () => {
    const page = await chat({ lang: "it-CH", locale: "fr-FR" });
    await ask(page, { say: "Sì." });
    await done(page);
    const told = page.requests.filter((request) => request.url().includes("/api/")).map((request) => [request.method(), request.headers()["accept-language"]]);
    assert.deepEqual([...new Set(told.map(([, language]) => language))], ["it-CH"]);
    assert.ok(told.some(([method]) => method === "POST"));
  });

  test("is there before the chat is seen; calls made meanwhile keep their order", async () => {
    let go, come;
    const held = new Promise((free) => (go = free));
    const asked = new Promise((there) => (come = there));
    const page = await visit({ lang: "it", arrive: false, init: () => { window.requestIdleCallback = () => {}; } });
    await page.route("**/words-*.js", async (route) => { come(); await held; await route.continue(); });
    await page.locator(".launcher").click();
    await asked;
    assert.equal(await page.locator(".panel").count(), 0);
    await page.evaluate(() => {
      window.heard = [];
      ChatbotWidget.on("open", () => heard.push("open"));
      ChatbotWidget.addBotMessage("uno");
      ChatbotWidget.addBotMessage("due");
      ChatbotWidget.send("tre");
    });
    go();
    await done(page);
    assert.deepEqual(await page.locator(".message-content").evaluateAll((all) => all.map((node) => node.textContent).filter((text) => /^(uno|due|tre)$/.test(text))), ["uno", "due", "tre"]);
    assert.equal(await page.getByRole("button", { name: italian.close }).count(), 1);
  });

  test("whose file doesn't come is English", async () => {
    const page = await visit({ lang: "it", arrive: false, init: () => { window.requestIdleCallback = () => {}; } });
    await page.route("**/words-*.js", (route) => route.abort());
    await page.locator(".launcher").click();
    await page.getByRole("button", { name: english.close }).waitFor();
    assert.deepEqual(await spoken(page), ["en", "ltr"]);
  });

  test("that is asked for again after destroy, by another tag, is the new one", async () => {
    const page = await visit({ lang: "it" });
    await page.evaluate(([base, key]) => {
      ChatbotWidget.destroy();
      const script = Object.assign(document.createElement("script"), { src: `${base}/static/widget/js/chatbot-widget.js?key=${key}` });
      document.documentElement.lang = "ja";
      document.head.append(script);
    }, [server.base, server.keys.shop]);
    await page.locator(".launcher").click();
    await page.getByRole("button", { name: japanese.close }).waitFor();
  });

  for (const [name, policy] of Object.entries(POLICIES)) {
    test(`comes under a policy that ${name}`, async () => {
      const headers = { "Content-Security-Policy": `${policy(server.base)}; ${TRUSTED_TYPES}` };
      const page = await chat({ lang: "ar", more: `nonce="${NONCE}" data-consent`, headers });
      assert.equal((await spoken(page))[0], "ar");
      assert.deepEqual(await page.evaluate(() => violations), []);
    });
  }
});

describe("the npm package", IN_CHROMIUM, () => {
  const start = (page, options) => page.evaluate(async ([base, options]) => {
    const { ChatbotWidget, italian } = await import(`${base}/static/widget/js/chatbot-widget.esm.js`);
    const words = options.lang === "it" ? { ...italian, send: "Chiedi" } : undefined;
    ChatbotWidget.init({ host: base, words, ...options }).open();
  }, [server.base, options]);
  async function begun(options) {
    context = await browser.newContext();
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    page.requests = [];
    page.on("request", (request) => page.requests.push(request));
    await page.goto(site.add(`/${++count}`, pageWith("").replace('lang="en"', 'lang="it"')));
    await start(page, { key: server.keys.shop, ...options });
    return page;
  }

  test("speaks the language whose words it is given, and loads none", async () => {
    const page = await begun({ lang: "it" });
    assert.deepEqual(await spoken(page), ["it", "ltr"]);
    await page.getByRole("button", { name: "Chiedi" }).waitFor();
    await page.locator(".note", { hasText: say(italian.ai, { name: "Tea shop" }) }).waitFor();
    assert.deepEqual(files(page), []);
  });

  test("speaks English without, and asks for consent at once", async () => {
    const page = await begun({ consent: true });
    assert.deepEqual(await spoken(page), ["en", "ltr"]);
    await page.locator(".consent").waitFor();
  });
});

describe("the plain page", IN_CHROMIUM, () => {
  test("is in the language that the tag asks for", async () => {
    const page = await visit({ lang: "en", more: 'data-lang="it"', arrive: false, init: () => { delete Document.prototype.adoptedStyleSheets; } });
    const href = await page.locator("a", { hasText: /^Chat$/ }).getAttribute("href");
    assert.equal(href, `${server.base}/chat/${server.keys.shop}?lang=it`);
    await page.goto(href);
    assert.equal(await page.evaluate(() => document.documentElement.lang), "it");
    await page.getByLabel("La sua domanda").fill("Quanto dura la consegna?");
    await page.getByRole("button", { name: "Chiedi" }).click();
    await page.locator(".answer").waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), "it");
  });
});

describe("a page's own words", IN_CHROMIUM, () => {
  test("stand for the usual ones, in any language", async () => {
    for (const lang of ["en", "it"]) {
      const page = await chat({ lang, config: { words: { placeholder: "Which tea?", failures: { unavailable: "Come back later." } } } });
      assert.equal(await page.locator("textarea").getAttribute("placeholder"), "Which tea?");
      assert.equal(await page.locator("textarea").getAttribute("aria-label"), LANGUAGES[lang]?.input ?? english.input);
      await page.route("**/chat/completions", failing(500, "internal_error"));
      await ask(page, "Hello?");
      await page.locator(".notice", { hasText: "Come back later." }).waitFor();
      await context.close();
    }
  });

  test("in a language that the chat doesn't have are its own", async () => {
    const page = await chat({ config: { lang: "de", words: { send: "Senden", answered: "Fertig, {words, plural, one {# Wort} other {# Wörter}}" } } });
    assert.deepEqual(await spoken(page), ["de", "ltr"]);
    await page.getByRole("button", { name: "Senden" }).waitFor();
    await ask(page, { say: "Ja." });
    await done(page);
    assert.equal(await page.locator(".panel > [role=status]").textContent(), "Fertig, 1 Wort");
  });

  test("that are wrong are told on the console of a page that debugs", async () => {
    const said = [];
    const page = await visit({ lang: "en", arrive: false, more: "data-debug", config: { words: { sned: "Go", close: 1 } } });
    page.on("console", (message) => said.push(message.text()));
    await page.reload();
    await until(() => said.some((line) => line.includes('there is no "sned"')) && said.some((line) => line.includes('"close" should be')), "the faults");
  });
});

/** Where things are, in the window. */
const boxes = (page, selectors) => page.evaluate((selectors) => {
  const root = document.querySelector("chatbot-widget").shadowRoot;
  return Object.fromEntries(selectors.map((selector) => [selector, [...root.querySelectorAll(selector)].at(-1).getBoundingClientRect().toJSON()]));
}, selectors);
const styleOf = (page, selector, name) => page.locator(selector).last().evaluate((node, name) => getComputedStyle(node)[name], name);

describe("from right to left", IN_CHROMIUM, () => {
  const ANSWER = "الشاي الأخضر [1] يحتوي على 30 mg من الكافيين.\n\nGreen tea has caffeine.\n\n- عنصر أول\n- عنصر ثانٍ\n\n> اقتباس.\n\n```js\nlet tea = 1;\n```\n\nسعر `tea` هو 5 €.";

  test("the whole chat is turned around; code is not", async () => {
    const page = await chat({ lang: "ar" });
    await ask(page, { say: ANSWER, citations: CITATIONS });
    await done(page);
    const at = await boxes(page, [".panel", ".user", "h2", "header button", "textarea", "form button:not([hidden])", ".message-content li", "pre", ".cite"]);
    const panel = at[".panel"];
    assert.ok(at[".user"].left - panel.left < panel.right - at[".user"].right, "a question stands at the end, which is left");
    assert.ok(at["header button"].right <= at.h2.left + 1, "close stands left of the name");
    assert.ok(at["form button:not([hidden])"].right <= at.textarea.left + 1, "send stands left of the field");
    assert.ok(panel.right - at[".message-content li"].right > 30, "a list is indented on the right");
    assert.match(await styleOf(page, "form button:not([hidden]) svg", "transform"), /^matrix\(-1, 0, 0, 1/);
    assert.equal(await styleOf(page, "pre", "direction"), "ltr");
    assert.equal(await styleOf(page, "li code, p code", "direction"), "ltr");
    for (const block of ["li", "blockquote"]) assert.equal(await styleOf(page, `.message-content ${block}`, "direction"), "rtl", block);
    const directions = await page.locator(".bot .message-content > p").evaluateAll((all) => all.slice(-3).map((node) => getComputedStyle(node).direction));
    assert.deepEqual(directions, ["rtl", "ltr", "rtl"]);
    assert.ok(at[".cite"].left >= panel.left && at[".cite"].right <= panel.right);
    for (const [name, box] of Object.entries(at)) assert.ok(box.left >= panel.left - 1 && box.right <= panel.right + 1, name);
    for (const text of ["Which tea", "How long"]) assert.equal(await styleOf(page, `.suggestions button:has-text("${text}")`, "direction"), "ltr");
    assert.equal(await page.locator(".transcript").evaluate((node) => node.scrollWidth > node.clientWidth), false);
  });

  test("an Arabic answer in an English page has its own direction, and the sides stay", async () => {
    const page = await chat({ lang: "en" });
    await ask(page, { say: ANSWER, citations: CITATIONS });
    await done(page);
    const at = await boxes(page, [".panel", ".user"]);
    assert.ok(at[".panel"].right - at[".user"].right < at[".user"].left - at[".panel"].left);
    const told = await page.locator(".bot .message-content > p").evaluateAll((all) => all.slice(-3).map((node) => [getComputedStyle(node).direction, node.lang]));
    for (const block of ["li", "blockquote"]) assert.equal(await styleOf(page, `.message-content ${block}`, "direction"), "rtl", block);
    assert.deepEqual(told, [["rtl", "ar"], ["ltr", ""], ["rtl", "ar"]]);
    assert.deepEqual(await spoken(page), ["en", "ltr"]);
  });

  test("a screen reader is told all names in it", async () => {
    speak("ar");
    const page = await chat({ lang: "ar" });
    await ask(page, { say: ANSWER, citations: CITATIONS });
    await done(page);
    const client = await context.newCDPSession(page);
    const { nodes } = await client.send("Accessibility.getFullAXTree");
    const named = (roles) => nodes.filter((node) => !node.ignored && roles.includes(node.role?.value)).map((node) => node.name.value);
    const buttons = named(["button"]);
    for (const text of [arabic.close, arabic.send, arabic.helpful, arabic.notHelpful, arabic.copy, say(arabic.source, { n: 1, title: "T" })]) assert.ok(buttons.includes(text), `${text}: ${buttons}`);
    assert.deepEqual(named(["article"]).slice(-2), [say(arabic.question, { n: 1 }), say(arabic.answer, { n: 1, name: "Tea shop" })]);
    assert.deepEqual(named(["textbox"]).slice(-1), [arabic.input]);
    // A name has the text that is seen.
    assert.ok(say(arabic.source, { n: 1, title: "T" }).includes(await page.locator(".cite").textContent()));
    speak("en");
  });
});

describe("consent", IN_CHROMIUM, () => {
  const asked = (page) => page.requests.filter((request) => request.url().includes("/api/"));
  const stored = (page) => page.evaluate(() => Object.entries({ ...localStorage, ...sessionStorage }));
  const entry = () => [[`chatbot:${server.keys.shop}`, '{"consent":1}']];
  const wanted = (options = {}) => visit({ lang: "en", more: "data-consent", ...options });
  const card = (page) => page.locator(".consent");
  async function asking(options) {
    const page = await wanted(options);
    await page.locator(".launcher").click();
    await card(page).waitFor();
    return page;
  }
  const agree = (page) => page.getByRole("button", { name: english.consentYes }).click();
  const listen = (page) => page.evaluate(() => {
    window.heard = [];
    ChatbotWidget.on("consent", ({ given }) => heard.push(given));
  });

  test("is asked for first: nothing is stored, nothing sent but the request for the bot's name", async () => {
    const page = await wanted();
    await page.evaluate(() => ChatbotWidget.addBotMessage("Hello."));
    await page.evaluate(() => new Promise((after) => requestIdleCallback(after)));
    assert.deepEqual(asked(page), []);
    await page.locator(".launcher").click();
    await card(page).waitFor();
    const [config, ...others] = asked(page);
    assert.deepEqual(others, []);
    assert.match(config.url(), /\/widget\/config\?key=pk_[\w-]+$/);
    for (const name of ["authorization", "x-session-id", "x-conversation-id", "x-visitor-token", "cookie"]) assert.equal(config.headers()[name], undefined, name);
    assert.deepEqual(await stored(page), []);
    assert.match(await card(page).innerText(), /is an AI service.*sent to Tea shop and kept for 30 days/s);
    assert.equal(await card(page).getByRole("link", { name: english.privacy }).getAttribute("href"), "https://shop.example/privacy");
    assert.ok(await page.locator("textarea").isDisabled());
    assert.ok(await page.getByRole("button", { name: "Send" }).isDisabled());
    assert.equal(await page.locator(".suggestions").count(), 0);
    assert.equal(await page.evaluate(() => document.activeElement.shadowRoot?.activeElement?.className), "transcript");
  });

  test("that is given is kept, is said to the page, and the chat begins", async () => {
    const page = await asking();
    await listen(page);
    await agree(page);
    await page.locator(".suggestions").waitFor();
    assert.equal(await card(page).count(), 0);
    assert.deepEqual(await stored(page), entry());
    assert.deepEqual(await page.evaluate(() => heard), [true]);
    assert.equal(await page.evaluate(() => document.activeElement.shadowRoot?.activeElement?.localName), "textarea");
    await ask(page, { say: "Yes." });
    await done(page);
    const [[, kept]] = await stored(page);
    assert.deepEqual(Object.keys(JSON.parse(kept)).sort(), ["consent", "conversation", "session"]);
    await page.reload();
    await page.waitForFunction(() => window.ChatbotWidget && "current" in ChatbotWidget);
    await page.locator(".launcher").click();
    await page.locator(".suggestions").waitFor();
    assert.equal(await card(page).count(), 0);
  });

  test("that is refused closes the chat, stores nothing, and is asked for again", async () => {
    const page = await asking();
    await listen(page);
    await page.getByRole("button", { name: english.consentNo }).click();
    assert.ok(await page.locator(".panel").isHidden());
    assert.deepEqual(await page.evaluate(() => heard), [false]);
    assert.deepEqual(await stored(page), []);
    await page.locator(".launcher").click();
    assert.ok(await card(page).isVisible());
    assert.equal(asked(page).length, 1);
  });

  test("is waited for by a question, which stays in the field", async () => {
    const page = await asking();
    await page.evaluate(() => ChatbotWidget.send("How long is the delivery?"));
    assert.equal(await page.locator("textarea").inputValue(), "How long is the delivery?");
    assert.equal(await page.locator(".user").count(), 0);
    assert.equal(asked(page).length, 1);
    await agree(page);
    await page.keyboard.press("Enter");
    await done(page);
  });

  test("comes from the page, even before the chat is there, and is taken back by it", async () => {
    const page = await wanted({ arrive: false, init: () => { window.requestIdleCallback = () => {}; } });
    await page.waitForFunction(() => window.ChatbotWidget);
    await page.evaluate(() => ChatbotWidget.consent());
    await page.locator(".launcher").click();
    await page.locator(".suggestions").waitFor();
    assert.equal(await card(page).count(), 0);
    await ask(page, { say: "Secret." });
    await done(page);
    await listen(page);
    await page.evaluate(() => ChatbotWidget.consent(false));
    assert.ok(await page.locator(".panel").isHidden());
    assert.deepEqual(await stored(page), []);
    assert.deepEqual(await page.evaluate(() => heard), [false]);
    await page.locator(".launcher").click();
    await card(page).waitFor();
    assert.equal(await page.locator(".user").count(), 0);
    assert.ok(await page.locator("textarea").isDisabled());
  });

  test("is known to another tab of the site, and so is its end", async () => {
    const first = await asking();
    const second = await open({ lang: "en", more: "data-consent" });
    await second.locator(".launcher").click();
    await card(second).waitFor();
    await agree(first);
    await second.locator(".suggestions").waitFor();
    assert.ok(await second.locator("textarea").isEnabled());
    await first.evaluate(() => ChatbotWidget.consent(false));
    await card(second).waitFor();
    assert.ok(await second.locator("textarea").isDisabled());
  });

  test("ends with shutdown, for the next one at the page", async () => {
    const page = await asking();
    await agree(page);
    await page.locator(".suggestions").waitFor();
    await page.evaluate(() => ChatbotWidget.shutdown());
    assert.deepEqual(await stored(page), []);
    await page.locator(".launcher").click();
    await card(page).waitFor();
  });

  test("that can't be asked for, because its file doesn't come, is no chat", async () => {
    const page = await wanted({ arrive: false, init: () => { window.requestIdleCallback = () => {}; } });
    await page.route("**/consent-*.js", (route) => route.abort());
    await page.locator(".launcher").click();
    await page.locator("a", { hasText: /^Chat$/ }).waitFor();
    assert.equal(await page.locator(".panel").count(), 0);
  });

  test("is asked for in each language, with its plural", async () => {
    for (const [name, words] of Object.entries(LANGUAGES)) {
      speak(name);
      const page = await asking({ lang: name });
      assert.ok((await card(page).innerText()).includes(say(words.consentText, { name: "Tea shop", days: 30 })));
      await noEnglish(page, words, "asking");
      await context.close();
    }
    speak("en");
  });

  test("that nobody asks for changes nothing", async () => {
    const page = await chat({ lang: "en" });
    await page.evaluate(() => ChatbotWidget.consent());
    assert.deepEqual(await stored(page), []);
    assert.ok(await page.locator("textarea").isEnabled());
  });
});
