/** The widget in other people's pages: it works there, and page and widget leave one another alone. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, describe, test } from "node:test";

import { IN_CHROMIUM, inChromium, launch, pageWith, scripted, tag, until } from "./harness.mjs";
import { ALL_FORMS, countListeners, NONCE, noteKeys, noteViolations, POLICIES, stylesOfWidget, TORTURE, traces, TRUSTED_TYPES } from "./hostile.mjs";

let server, site, browser, context;
inChromium((...all) => ([server, site, browser] = all));
afterEach(() => context?.close());

let count = 0;
/** Open a page of the site; what went wrong in it is in `page.faults`. */
async function visit(html, { headers, init, ...options } = {}) {
  context = await browser.newContext({ viewport: { width: 1000, height: 760 }, ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  page.faults = [];
  page.requests = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("request", (request) => page.requests.push(request.url()));
  await page.addInitScript(noteViolations);
  if (init) await page.addInitScript(init);
  await page.goto(site.add(`/${++count}`, { html, headers }));
  return page;
}

/** Open the chat and have a question answered. */
async function talk(page, root = page) {
  await root.locator(".launcher").click();
  await root.locator("textarea").fill("How long is the delivery?");
  await root.locator("textarea").press("Enter");
  // Of the newest answer: on a page that goes on with a conversation there are more.
  await root.locator(".message").last().locator(".actions").waitFor();
  return root.locator(".bot .message-content").last().textContent();
}

async function works(page) {
  assert.ok((await talk(page)).length > 20);
  assert.deepEqual(page.faults, []);
}

describe("a page with nothing but the tag", IN_CHROMIUM, () => {
  test("has a chat that answers, from another origin", async () => {
    const page = await visit(pageWith(tag(server)));
    await works(page);
    assert.equal(await page.locator(".panel h2").textContent(), "Tea shop");
  });

  test("asks nobody but the chat server, sets no cookie, and stores nothing before the first question", async () => {
    const page = await visit(pageWith(tag(server)));
    await page.locator(".launcher").click();
    await page.locator(".panel h2", { hasText: "Tea shop" }).waitFor();
    const stored = () => page.evaluate(() => Object.keys({ ...localStorage, ...sessionStorage }));
    assert.deepEqual(await stored(), []);
    await page.locator(".launcher").click();
    await talk(page);
    assert.deepEqual(await stored(), [`chatbot:${server.keys.shop}`]);
    assert.deepEqual(await context.cookies(), []);
    const hosts = new Set(page.requests.map((url) => new URL(url).origin));
    assert.deepEqual([...hosts].sort(), [server.base, site.origin].sort());
  });

  test("goes on with the conversation on the next page", async () => {
    const page = await visit(pageWith(tag(server)));
    await talk(page);
    const sent = page.waitForRequest((r) => r.url().endsWith("/chat/completions"));
    await page.reload();
    await talk(page);
    const headers = (await sent).headers();
    assert.match(headers["x-conversation-id"], /^conv_/);
    assert.match(headers["x-session-id"], /^ses_/);
  });

  test("moves neither focus nor scroll as it loads", async () => {
    const page = await visit(pageWith(`<p style="height:3000px"></p>${tag(server, "data-open")}`));
    await page.evaluate(() => scrollTo(0, 1000));
    await page.locator(".panel h2", { hasText: "Tea shop" }).waitFor();
    assert.deepEqual(await page.evaluate(() => [scrollY, document.activeElement.localName]), [1000, "body"]);
  });

  test("leaves all around the launcher to the page", async () => {
    const page = await visit(pageWith(tag(server)));
    await page.locator(".launcher").waitFor();
    const owners = await page.evaluate(() =>
      [[970, 650], [890, 740], [990, 755]].map(([x, y]) => document.elementFromPoint(x, y)?.localName));
    assert.ok(!owners.includes("chatbot-widget"), String(owners));
  });
});

describe("the tag", IN_CHROMIUM, () => {
  const src = () => `${server.base}/static/widget/js/chatbot-widget.js`;
  const ways = {
    "with the key in its address": () => `<script src="${src()}?key=${server.keys.shop}" async></script>`,
    "with chatbotConfig": () => `<script nonce>chatbotConfig={key:"${server.keys.shop}"}</script><script src="${src()}"></script>`,
    deferred: () => `<script defer src="${src()}" data-key="${server.keys.shop}"></script>`,
    "in the head": () => ["", tag(server)],
    "as a module": () => `<script type="module" src="${src()}" data-key="${server.keys.shop}"></script>`,
    "injected by a tag manager": () => `<script>const s=document.createElement("script");s.src="${src()}?key=${server.keys.shop}";document.head.append(s)</script>`,
    "combined with other scripts": () => `<script>chatbotConfig={key:"${server.keys.shop}",host:"${server.base}"}</script>
      <script>var other=1;\n${readFileSync("static/widget/js/chatbot-widget.js", "utf8")}\n;other=2</script>`,
    "pinned by its integrity": () => {
      const [[name, integrity]] = Object.entries(JSON.parse(readFileSync("static/widget/js/integrity.json", "utf8")));
      return `<script src="${server.base}/static/widget/js/${name}" integrity="${integrity}" crossorigin data-key="${server.keys.shop}"></script>`;
    },
    "twice": () => tag(server) + tag(server),
  };
  for (const [way, html] of Object.entries(ways)) {
    test(way, async () => {
      const page = await visit(pageWith(...[html()].flat()));
      await works(page);
      assert.equal(await page.locator("chatbot-widget").count(), 1);
    });
  }

  test("a loader that was changed on its way is not run", async () => {
    const html = `<script src="${src()}" integrity="sha384-${"A".repeat(64)}" crossorigin data-key="${server.keys.shop}"></script>`;
    const page = await visit(pageWith(html));
    assert.equal(await page.locator("chatbot-widget").count(), 0);
  });

  test("a body that was changed on its way is not run, and the launcher leads to the plain page", async () => {
    const page = await visit(pageWith(""));
    await page.route("**/body-*.js", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: `${await response.text()};window.changed=1` });
    });
    await page.evaluate(([from, key]) => {
      const script = document.createElement("script");
      script.src = `${from}?key=${key}`;
      document.head.append(script);
    }, [src(), server.keys.shop]);
    await page.locator(".launcher").click();
    const link = page.locator("a", { hasText: /^Chat$/ });
    await link.waitFor();
    assert.equal(await link.getAttribute("href"), `${server.base}/chat/${server.keys.shop}`);
    assert.equal(await page.evaluate(() => window.changed), undefined);
  });

  test("has attributes, and each has an effect", async () => {
    const more = `data-position="left" data-accent="#ff0000" data-label="Ask us" data-z-index="7" data-open data-debug`;
    const page = await visit(pageWith(tag(server, more)));
    const said = [];
    page.on("console", (message) => said.push(message.text()));
    await page.locator(".panel").waitFor();
    await page.locator("textarea").fill("How long is the delivery?");
    await page.locator("textarea").press("Enter");
    await page.locator(".bot .actions").last().waitFor();
    const launcher = page.locator(".launcher");
    assert.equal(await launcher.getAttribute("aria-label"), "Ask us");
    assert.ok((await launcher.boundingBox()).x < 100);
    assert.ok((await page.locator(".panel").boundingBox()).x < 100);
    assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector("chatbot-widget")).zIndex), "7");
    const times = said.filter((text) => text.startsWith("[ChatAPI]")).map((text) => text.replace(/\d+/, "N"));
    assert.deepEqual(times, ["[ChatAPI] start", "[ChatAPI] first byte after N ms", "[ChatAPI] complete after N ms"]);
    await context.close();
    const closed = await visit(pageWith(tag(server, `data-accent="#ff0000"`)));
    const colour = () => closed.locator(".launcher").evaluate((node) => getComputedStyle(node).backgroundColor);
    assert.equal(await colour(), "rgb(255, 0, 0)");
    await context.close();
    const bare = await visit(pageWith(tag(server, `data-launcher="none"`)));
    await bare.waitForFunction(() => "current" in ChatbotWidget);
    assert.ok(await bare.locator(".launcher").isHidden());
    await bare.evaluate(() => ChatbotWidget.open());
    await bare.locator(".panel").waitFor();
  });

  test("with data-highlight code is coloured when it is whole, by a file that comes then", async () => {
    const page = await visit(pageWith(tag(server, "data-highlight")));
    await page.locator(".launcher").click();
    await page.locator("textarea").fill(scripted({ say: "```js\nconst a = 'x';\n```\n\n```klingon\nqapla\n```" }));
    assert.ok(!page.requests.some((url) => url.includes("/highlight-")));
    await page.locator("textarea").press("Enter");
    await page.locator(".hljs-keyword", { hasText: "const" }).waitFor();
    assert.equal(await page.locator("pre code").first().textContent(), "const a = 'x';\n");
    assert.equal(await page.locator("pre code").nth(1).textContent(), "qapla\n");
    assert.deepEqual(page.faults, []);
  });

  test("twice in the head, before there is a body, is one chat, and the API is there at once", async () => {
    const plain = `<script src="${src()}" data-key="${server.keys.shop}"></script>`;
    const page = await visit(pageWith("", `${plain}${plain}<script>window.early = typeof ChatbotWidget.on</script>`));
    await works(page);
    assert.equal(await page.locator("chatbot-widget").count(), 1);
    assert.equal(await page.evaluate(() => early), "function");
    assert.equal(await page.evaluate(() => document.documentElement.lastElementChild.localName), "chatbot-widget");
  });

  test("is not taken over by nodes that have its names", async () => {
    const evil = `${site.origin}/static/widget/js/x.js?key=pk_evil`;
    const html = `<img name="currentScript" src="${evil}"><a id="chatbotConfig" href="${site.origin}"></a><a id="chatbotConfig" name="host" href="${site.origin}"></a>${tag(server)}`;
    const page = await visit(pageWith(html));
    await works(page);
    assert.deepEqual(page.requests.filter((url) => url.startsWith(site.origin) && url.includes("body-")), []);
  });

  test("a chat that does not come leaves one link to the plain page, however often it is wanted", async () => {
    const page = await visit(pageWith(tag(server)), { init: () => { window.requestIdleCallback = () => {}; } });
    await page.route("**/body-*.js", (route) => route.abort());
    const link = page.locator("a", { hasText: /^Chat$/ });
    for (let n = 0; n < 3; n++) {
      await page.locator(".launcher").click();
      await link.waitFor();
    }
    assert.equal(await link.count(), 1);
  });

  test("a page's own button that opens a chat which does not come is answered by the link too", async () => {
    const page = await visit(pageWith(tag(server, `data-launcher="none"`)), { init: () => { window.requestIdleCallback = () => {}; } });
    await page.route("**/body-*.js", (route) => route.abort());
    await page.evaluate(() => ChatbotWidget.open());
    await page.locator("a", { hasText: /^Chat$/ }).waitFor();
    await page.evaluate(() => ChatbotWidget.destroy());
    assert.equal(await page.locator("a", { hasText: /^Chat$/ }).count(), 0);
  });

  test("a listener alone does not fetch the chat", async () => {
    const page = await visit(pageWith(tag(server)), { init: () => { window.requestIdleCallback = () => {}; } });
    await page.locator(".launcher").waitFor();
    await page.evaluate(() => ChatbotWidget.on("answer", () => {}));
    assert.deepEqual(page.requests.filter((url) => url.includes("body-")), []);
    await works(page);
  });

  test("calls made before the chat is there are made then", async () => {
    const page = await visit(pageWith(`${tag(server)}<script>
      addEventListener("load", () => { window.heard = []; ChatbotWidget.on("answer", (e) => heard.push(e.text)); ChatbotWidget.send("Which tea has no caffeine?"); });</script>`));
    await page.locator(".bot .actions").last().waitFor();
    assert.equal(await page.locator(".user .message-content").textContent(), "Which tea has no caffeine?");
    assert.equal((await page.evaluate(() => heard)).length, 1);
  });

  test("with Save-Data the chat is fetched on intent only; else when the page is idle", async () => {
    const saving = () => Object.defineProperty(Navigator.prototype, "connection", { get: () => ({ saveData: true }) });
    const body = (page) => page.requests.filter((url) => url.includes("/body-")).length;
    const saver = await visit(pageWith(tag(server)), { init: saving });
    await saver.locator(".launcher").waitFor();
    await saver.evaluate(() => new Promise((done) => requestIdleCallback(() => setTimeout(done, 300))));
    assert.equal(body(saver), 0);
    await saver.locator(".launcher").hover();
    await until(() => body(saver) > 0);
    await context.close();
    const page = await visit(pageWith(tag(server)));
    await page.waitForFunction(() => typeof ChatbotWidget === "function" && "init" in ChatbotWidget && "current" in ChatbotWidget);
    assert.ok(body(page) > 0);
  });
});

describe("a page's policy", IN_CHROMIUM, () => {
  for (const [name, policy] of Object.entries(POLICIES)) {
    test(`${name}: works under Trusted Types, no violation`, async () => {
      const headers = { "Content-Security-Policy": `${policy(server.base)}; ${TRUSTED_TYPES}` };
      const page = await visit(pageWith(tag(server, `nonce="${NONCE}"`)), { headers });
      await works(page);
      assert.deepEqual(await page.evaluate(() => violations), []);
    });
  }

  test("that forbids the server is told by the browser and in the chat, and the page goes on", async () => {
    const headers = { "Content-Security-Policy": `default-src 'self'; script-src 'self' ${server.base}; connect-src 'self'` };
    const page = await visit(pageWith(tag(server)), { headers });
    const said = [];
    page.on("console", (message) => said.push(message.text()));
    await page.locator(".launcher").click();
    await page.locator(".notice").waitFor();
    assert.ok(said.some((text) => text.includes("connect-src")), said.join());
    assert.equal(await page.locator("h1").innerText(), "A shop");
  });
});

const PATCHES = () => {
  Array.prototype.toJSON = function () { return "patched"; };
  Array.prototype.extra = function () {};
  Object.prototype.inherited = "yes";
  Element.prototype.remove = function () { throw new Error("patched"); };
  Function.prototype.bind = function () { return this; };
  window.fetchLog = [];
};

describe("a hostile page", IN_CHROMIUM, () => {
  test("changes no computed style of the widget", async () => {
    const open = async (html) => {
      const page = await visit(html);
      await page.waitForFunction(() => "current" in ChatbotWidget);
      await page.evaluate((text) => { ChatbotWidget.open(); ChatbotWidget.addBotMessage(text); }, ALL_FORMS);
      await page.locator(".panel h2", { hasText: "Tea shop" }).waitFor();
      const found = await page.evaluate(stylesOfWidget);
      await context.close();
      return found;
    };
    const calm = await open(pageWith(tag(server)));
    const hostile = await open(pageWith(tag(server), TORTURE));
    assert.equal(hostile.length, calm.length);
    assert.ok(calm.length > 40);
    calm.forEach(([name, styles], n) => assert.deepEqual(hostile[n], [name, styles]));
  });

  test("keeps its own styles, whatever the widget does", async () => {
    const page = await visit(pageWith("<h2 class=panel>x</h2><button class=launcher>y</button><form><textarea></textarea></form>"));
    const styles = () => page.evaluate(() => [...document.querySelectorAll("html, body, body *:not(script)")].map((n) => [n.localName, [...getComputedStyle(n)].map((p) => getComputedStyle(n).getPropertyValue(p)).join()]));
    const before_ = await styles();
    await page.evaluate(([base, key]) => { const s = document.createElement("script"); s.src = `${base}/static/widget/js/chatbot-widget.js?key=${key}`; document.head.append(s); }, [server.base, server.keys.shop]);
    await page.waitForFunction(() => window.ChatbotWidget && "current" in ChatbotWidget);
    await page.evaluate(() => ChatbotWidget.open());
    await page.locator(".panel h2", { hasText: "Tea shop" }).waitFor();
    assert.deepEqual(await styles(), before_);
  });

  test("with patched prototypes", async () => {
    const page = await visit(pageWith(tag(server)), { init: PATCHES });
    const sent = page.waitForRequest((r) => r.url().endsWith("/chat/completions"));
    await works(page);
    assert.equal((await sent).postDataJSON().messages[0].content, "How long is the delivery?");
    await page.evaluate(() => ChatbotWidget.addBotMessage("a [link](https://a.example) b `c` **d** ![e](https://e.example/e.png)\n\n|f|\n|-|\n|g|"));
    assert.equal(await page.locator(".bot a").count(), 1);
    assert.deepEqual(page.faults, []);
  });

  test("sees no key that is typed in the chat, and keeps its own", async () => {
    const page = await visit(pageWith(`${tag(server)}<script>(${noteKeys})()</script>`));
    await page.locator(".launcher").click();
    await page.locator(".panel h2", { hasText: "Tea shop" }).waitFor();
    await page.evaluate(() => (seen.length = 0));
    await page.keyboard.type("faststream /k");
    await page.keyboard.press("Control+k");
    assert.equal(await page.locator("textarea").inputValue(), "faststream /k");
    assert.deepEqual(await page.evaluate(() => seen), []);
    await page.locator("#search").focus();
    await page.keyboard.type("a");
    assert.ok((await page.evaluate(() => seen)).includes("keydowna"));
  });

  test("whose body is replaced, and whose <html> is emptied, keeps the open chat", async () => {
    const page = await visit(pageWith(tag(server)));
    await talk(page);
    await page.evaluate(() => document.documentElement.replaceChild(document.createElement("body"), document.body));
    assert.equal(await page.locator(".user").count(), 1);
    await page.evaluate(() => document.documentElement.replaceChildren(document.createElement("head"), document.createElement("body")));
    await page.locator(".user").waitFor();
    await page.locator(".bot .actions").last().waitFor();
  });

  test("where storage is blocked", async () => {
    const blocked = () => {
      for (const name of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, name, { get() { throw new DOMException("blocked", "SecurityError"); } });
    };
    const page = await visit(pageWith(tag(server)), { init: blocked });
    await works(page);
  });

  test("in a sandboxed frame that has its origin it works; in one that has none it says what is wrong", async () => {
    const inside = site.add("/inside", pageWith(tag(server)));
    const page = await visit(`<!doctype html><iframe id=a width=900 height=700 sandbox="allow-scripts allow-same-origin" src="${inside}"></iframe><iframe id=b width=900 height=700 sandbox="allow-scripts" src="${inside}"></iframe>`);
    assert.ok((await talk(page, page.frameLocator("#a"))).length > 20);
    const closed = page.frameLocator("#b");
    await closed.locator(".launcher").click();
    await closed.locator(".notice").waitFor();
    assert.match(await closed.locator(".notice").textContent(), /origin/);
    assert.deepEqual(page.faults, []);
  });

  test("that holds focus in a dialog of its own does not take it from the chat", async () => {
    const page = await visit(pageWith(`${tag(server)}<div id=trap tabindex=-1><input id=inner></div><script>
      document.addEventListener("focusin", (e) => { if (!trap.contains(e.target)) inner.focus(); });</script>`));
    await page.locator(".launcher").click();
    await page.locator(".panel h2", { hasText: "Tea shop" }).waitFor();
    await page.locator("textarea").click();
    await page.keyboard.type("abc");
    assert.equal(await page.locator("textarea").inputValue(), "abc");
  });
});

describe("the API", IN_CHROMIUM, () => {
  test("init twice gives the one chat", async () => {
    const page = await visit(pageWith(tag(server)));
    await page.waitForFunction(() => "current" in ChatbotWidget);
    const same = await page.evaluate((key) => ChatbotWidget.init({ key }) === ChatbotWidget.init({ key }), server.keys.shop);
    assert.ok(same);
    assert.equal(await page.locator("chatbot-widget").count(), 1);
  });

  test("without a key in the tag nothing is shown until init", async () => {
    const page = await visit(pageWith(`<script src="${server.base}/static/widget/js/chatbot-widget.js"></script>`));
    assert.equal(await page.locator("chatbot-widget").count(), 0);
    await page.evaluate((key) => ChatbotWidget.init({ key }), server.keys.shop);
    await works(page);
  });

  test("init without anything, where chatbotConfig says all; another wrong call keeps no others back", async () => {
    const page = await visit(pageWith(`<script>chatbotConfig={key:"${server.keys.shop}"}</script><script src="${server.base}/static/widget/js/chatbot-widget.js"></script>
      <script>ChatbotWidget.init(); ChatbotWidget.addBotMessage(Symbol()); ChatbotWidget.addBotMessage("x", null); ChatbotWidget.open();</script>`));
    await page.locator(".bot", { hasText: "x" }).waitFor();
    assert.equal(await page.locator("chatbot-widget").count(), 1);
  });

  test("init after destroy is the same chat again, with its own server", async () => {
    const page = await visit(pageWith(tag(server)));
    await page.waitForFunction(() => "current" in ChatbotWidget);
    await page.evaluate((key) => { const Widget = ChatbotWidget; Widget.destroy(); Widget.init({ key }); }, server.keys.shop);
    await works(page);
    assert.equal(await page.evaluate(() => typeof ChatbotWidget), "function");
  });

  test("an empty question is none", async () => {
    const page = await visit(pageWith(tag(server)));
    await page.waitForFunction(() => "current" in ChatbotWidget);
    await page.evaluate(() => ChatbotWidget.send("  "));
    assert.equal(await page.locator(".user").count(), 0);
  });

  test("a press on the launcher does not take the focus from who writes elsewhere by then", async () => {
    const page = await visit(pageWith(""), { init: () => { window.requestIdleCallback = () => {}; } });
    let go;
    const held = new Promise((done) => (go = done));
    await page.route("**/body-*.js", async (route) => (await held, route.continue()));
    await page.evaluate(([base, key]) => { const s = document.createElement("script"); s.src = `${base}/static/widget/js/chatbot-widget.js?key=${key}`; document.head.append(s); }, [server.base, server.keys.shop]);
    await page.locator(".launcher").click();
    await page.locator("#search").click();
    await page.keyboard.type("green ");
    go();
    await page.locator(".panel").waitFor();
    await page.keyboard.type("tea");
    assert.equal(await page.locator("#search").inputValue(), "green tea");
  });

  test("open, close, toggle, on and off", async () => {
    const page = await visit(pageWith(tag(server)));
    await page.waitForFunction(() => "current" in ChatbotWidget);
    const heard = await page.evaluate(async () => {
      const heard = [];
      const note = () => heard.push("open");
      ChatbotWidget.on("open", note);
      ChatbotWidget.on("close", () => heard.push("close"));
      for (const call of ["open", "open", "close", "toggle", "toggle"]) ChatbotWidget[call]();
      await Promise.resolve();
      ChatbotWidget.off("open", note);
      ChatbotWidget.open();
      await Promise.resolve();
      return heard;
    });
    assert.deepEqual(heard, ["open", "close", "open", "close"]);
  });

  test("shutdown forgets the visitor: the next one begins anew", async () => {
    const page = await visit(pageWith(tag(server)));
    await talk(page);
    await page.evaluate(() => ChatbotWidget.shutdown());
    assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), []);
    const sent = page.waitForRequest((r) => r.url().endsWith("/chat/completions"));
    await talk(page);
    assert.equal((await sent).headers()["x-session-id"], undefined);
    assert.equal(await page.locator(".user").count(), 1);
  });

  test("identify sends the site's token", async () => {
    const page = await visit(pageWith(tag(server)));
    await page.waitForFunction(() => "current" in ChatbotWidget);
    await page.evaluate(() => ChatbotWidget.identify("a.b.c"));
    const sent = page.waitForRequest((r) => r.url().endsWith("/chat/completions"));
    await talk(page);
    assert.equal((await sent).headers()["x-visitor-token"], "a.b.c");
  });

  test("destroy leaves no node, listener, global or style", async () => {
    const page = await visit(pageWith(""), { init: countListeners });
    const globals = () => page.evaluate(traces);
    const before_ = await globals();
    await page.evaluate(([base, key]) => { const s = document.createElement("script"); s.id = "ours"; s.src = `${base}/static/widget/js/chatbot-widget.js?key=${key}`; document.head.append(s); }, [server.base, server.keys.shop]);
    await talk(page);
    await page.evaluate(() => { ChatbotWidget.destroy(); document.getElementById("ours").remove(); });
    assert.equal(await globals(), before_);
  });
});

describe("without JavaScript", IN_CHROMIUM, () => {
  test("the plain page answers", async () => {
    context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(`${server.base}/chat/${server.keys.shop}`);
    await page.fill("textarea", "How long is the delivery?");
    await page.click("button");
    await page.locator(".answer").waitFor();
    await page.fill("textarea", "And abroad?");
    await page.click("button");
    assert.equal(await page.locator(".question").count(), 2);
    assert.deepEqual(await context.cookies(), []);
  });

  test("the tag's <noscript> shows a link there", async () => {
    // Playwright's own switch leaves the parser as it is, which then takes <noscript> for nothing.
    const scriptless = await launch("--blink-settings=scriptEnabled=false");
    context = await scriptless.newContext();
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    const [noscript] = /<noscript>.*<\/noscript>/.exec(readFileSync("docs/widget.md", "utf8"));
    await page.goto(site.add("/noscript", pageWith(tag(server) + noscript.replace("https://chat.example", server.base).replace("pk_…", server.keys.shop))));
    // Without scripts there is none to look with: the browser is asked what it shows.
    const client = await context.newCDPSession(page);
    const { nodes } = await client.send("Accessibility.getFullAXTree");
    const link = nodes.find((node) => node.role?.value === "link" && node.name?.value === "Chat");
    const href = link.properties.find(({ name }) => name === "url").value.value;
    assert.equal(href, `${server.base}/chat/${server.keys.shop}`);
    await scriptless.close();
  });

  test("Internet Explorer, by its name, gets a script that shows one link there", async () => {
    const userAgent = "Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko";
    const page = await visit(pageWith(tag(server) + tag(server)), { userAgent });
    const link = page.locator("a", { hasText: /^Chat$/ });
    await link.waitFor();
    assert.equal(await link.count(), 1);
    assert.equal(await link.getAttribute("href"), `${server.base}/chat/${server.keys.shop}`);
    assert.equal(await page.locator("chatbot-widget").count(), 0);
  });

  test("a browser that lacks what the chat needs gets a link to it", async () => {
    const page = await visit(pageWith(tag(server)), { init: () => { delete Document.prototype.adoptedStyleSheets; } });
    const link = page.locator("a", { hasText: /^Chat$/ });
    assert.equal(await link.getAttribute("href"), `${server.base}/chat/${server.keys.shop}`);
  });
});
