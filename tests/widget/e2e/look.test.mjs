/** How the chat looks, where it stands, and what a page and a visitor's system have to say about it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, describe, test } from "node:test";

import { contrasts } from "./colours.mjs";
import { IN_CHROMIUM, inChromium, pageWith, scripted, tag, until } from "./harness.mjs";
import { countListeners, NONCE, noteViolations, POLICIES, traces, TRUSTED_TYPES } from "./hostile.mjs";

let server, site, browser, context;
inChromium((...all) => ([server, site, browser] = all));
afterEach(() => context?.close());

const CITATIONS = [{ id: "a", n: 1, title: "Teas", url: "https://shop.example/teas", place: "p. 3", text: "There are three teas." }];
const ANSWER = "## Teas\n\nThree [1], and [2]. `code` and [a link](https://shop.example).\n\n> A quotation.\n\n- one\n- two\n\n| Tea | Price |\n|---|--:|\n| Green | 5 |\n\n```js\nlet tea = 1;\n```\n\n![a cat](https://shop.example/cat.png)";

let count = 0;
/** A page with the closed chat, or one in an element of its own. */
async function visit({ more = "", inside = "", css = "", html, init, ...options } = {}) {
  context = await browser.newContext({ viewport: { width: 1000, height: 760 }, ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  page.errors = [];
  page.on("console", (message) => message.type() === "error" && page.errors.push(message.text()));
  if (init) await page.addInitScript(init);
  await page.goto(site.add(`/${++count}`, html ?? pageWith(inside + tag(server, more), `<style>${css}</style>`)));
  await page.waitForFunction(() => window.ChatbotWidget && "current" in ChatbotWidget);
  return page;
}

/** A page with the open chat. */
async function chat(options) {
  const page = await visit(options);
  await page.evaluate(() => ChatbotWidget.open());
  await page.locator(".suggestions").waitFor();
  return page;
}

/** A page with the open chat and all that can stand in it. */
async function filled(options) {
  const page = await visit({ more: "data-highlight", ...options });
  await page.route("**/widget/config*", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), question_chars: 40 } });
  });
  await page.evaluate(() => ChatbotWidget.open());
  await page.locator(".suggestions").waitFor();
  await page.evaluate(([text, citations]) => ChatbotWidget.addBotMessage(text, citations), [ANSWER, CITATIONS]);
  await page.locator(".sources summary").click();
  await ask(page, "How long is the delivery?");
  await page.locator("code span").first().waitFor();
  await page.getByRole("button", { name: "Helpful", exact: true }).click();
  await ask(page, scripted({ fault: "cut", tokens: 12 }));
  await page.locator(".notice .button").first().waitFor();
  await ask(page, "x".repeat(41));
  await page.locator(".over").waitFor();
  return page;
}

async function ask(page, text) {
  await page.locator("textarea").fill(text);
  await page.locator("textarea").press("Enter");
}

/** One computed value of one node of the chat. */
const style = (page, selector, name) =>
  page.evaluate(([selector, name]) => {
    const root = document.querySelector("chatbot-widget").shadowRoot;
    return getComputedStyle(root.querySelector(selector)).getPropertyValue(name);
  }, [selector, name]);
const box = (page, selector) => page.locator(selector).boundingBox();
const docs = readFileSync("docs/widget.md", "utf8");

describe("a page's own look", IN_CHROMIUM, () => {
  /** Each property: a value that is not the usual one, and where it is seen. */
  const PROPERTIES = {
    "--chatbot-accent": ["rgb(1, 2, 3)", [".launcher", "background-color"], ["form .icon", "background-color"]],
    "--chatbot-on-accent": ["rgb(1, 2, 3)", [".launcher", "color"], ["form .icon", "color"]],
    "--chatbot-background": ["rgb(1, 2, 3)", [".panel", "background-color"]],
    "--chatbot-text": ["rgb(1, 2, 3)", [".panel", "color"], ["textarea", "color"]],
    "--chatbot-muted": ["rgb(1, 2, 3)", [".note", "color"]],
    "--chatbot-border": ["rgb(1, 2, 3)", [".panel", "border-top-color"], ["form", "border-top-color"]],
    "--chatbot-surface": ["rgb(1, 2, 3)", ["code", "background-color"]],
    "--chatbot-link": ["rgb(1, 2, 3)", [".note a", "color"]],
    "--chatbot-radius": ["5px", [".panel", "border-top-left-radius"], [".user", "border-start-start-radius"], ["form", "border-top-left-radius"]],
    "--chatbot-font": ["monospace", [".panel", "font-family"], ["textarea", "font-family"]],
    "--chatbot-font-size": ["19px", [".panel", "font-size"], ["textarea", "font-size"]],
    "--chatbot-width": ["333px", [".panel", "width"]],
    "--chatbot-height": ["444px", [".panel", "height"]],
  };

  for (const where of ["chatbot-widget", ":root"]) {
    test(`is set by custom properties on ${where}`, async () => {
      const page = await chat();
      await page.evaluate(() => ChatbotWidget.addBotMessage("A `word`."));
      await ask(page, "Hello");
      await page.locator(".bot .actions").waitFor();
      for (const [name, [value, ...seen]] of Object.entries(PROPERTIES)) {
        const before = await Promise.all(seen.map((at) => style(page, ...at)));
        await page.evaluate(([where, name, value]) => document.querySelector(where).style.setProperty(name, value), [where, name, value]);
        const after = await Promise.all(seen.map((at) => style(page, ...at)));
        assert.deepEqual(after, seen.map(() => value), `${name}: ${before}`);
        assert.ok(before.every((one) => one !== value), name);
        await page.evaluate(([where, name]) => document.querySelector(where).style.removeProperty(name), [where, name]);
      }
    });
  }

  const PARTS = { launcher: ".launcher", panel: ".panel", header: "header", transcript: ".transcript", question: ".user", answer: ".bot", composer: "form", input: "textarea", note: ".note" };
  test("is set by parts", async () => {
    const css = Object.keys(PARTS).map((part, n) => `chatbot-widget::part(${part}){letter-spacing:${n + 1}px}`).join("");
    const page = await chat({ css });
    await ask(page, "Hello");
    await page.locator(".bot .actions").waitFor();
    for (const [n, selector] of Object.values(PARTS).entries()) assert.equal(await style(page, selector, "letter-spacing"), `${n + 1}px`, selector);
  });

  test("is documented: each property, each part", () => {
    const [, table] = /\| property \|.*?\n((?:\|.*\n)+)/.exec(docs);
    assert.deepEqual([...table.matchAll(/^\| `(--[\w-]+)`/gm)].map(([, name]) => name).sort(), Object.keys(PROPERTIES).sort());
    const [, parts] = /`chatbot-widget::part\(panel\)`: (.*?)\./s.exec(docs);
    assert.deepEqual([...parts.matchAll(/`(\w+)`/g)].map(([, name]) => name).sort(), Object.keys(PARTS).sort());
  });

  test("of two colours is a whole theme", async () => {
    const page = await filled({ css: "chatbot-widget{--chatbot-background:#10253f;--chatbot-text:#fff;--chatbot-link:#9cf}" });
    assertContrast(await page.evaluate(contrasts), "two colours");
  });
});

describe("light and dark", IN_CHROMIUM, () => {
  const back = async (options) => style(await chat(options), ".panel", "background-color");
  const light = "rgb(255, 255, 255)";
  const dark = "rgb(22, 25, 29)";

  test("the page's word counts more than the bot's, which is light", async () => {
    assert.equal(await back({ colorScheme: "dark" }), light);
    await context.close();
    assert.equal(await back({ more: 'data-theme="dark"' }), dark);
    await context.close();
    assert.equal(await back({ more: 'data-theme="light"', colorScheme: "dark" }), light);
  });

  test("auto goes with the visitor's system, at once", async () => {
    const page = await chat({ more: 'data-theme="auto"', colorScheme: "dark" });
    assert.equal(await style(page, ".panel", "background-color"), dark);
    await page.emulateMedia({ colorScheme: "light" });
    assert.equal(await style(page, ".panel", "background-color"), light);
  });

  test("the bot's own mode is taken where the page says nothing", async () => {
    const page = await visit();
    await page.route("**/widget/config*", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), theme: { mode: "dark" } } });
    });
    await page.evaluate(() => ChatbotWidget.open());
    await page.locator(".panel.dark").waitFor();
    assert.equal(await style(page, ".panel", "background-color"), dark);
  });
});

/** @param {Array<{ kind: string, what: string, ratio: number, least: number }>} found @param {string} where */
function assertContrast(found, where) {
  for (const kind of ["text", "placeholder", "icon", "focus", "edge"]) assert.ok(found.some((one) => one.kind === kind), kind);
  assert.ok(found.length > 60, String(found.length));
  const poor = found.filter(({ ratio, least }) => ratio < least).map((one) => `${where}: ${one.kind} ${one.what}: ${one.ratio.toFixed(2)}`);
  assert.deepEqual(poor, []);
}

describe("contrast", IN_CHROMIUM, () => {
  test("is enough for every text, icon and ring, whatever the theme and the accent", async () => {
    const page = await filled();
    await page.keyboard.press("Tab");
    for (const theme of ["light", "dark"]) {
      for (const accent of ["#0a6b4e", "#ffd400", "#ffffff", "#000", "navy", "#7a7a7a", "#e33"]) {
        await page.evaluate(([theme, accent]) => {
          const host = document.querySelector("chatbot-widget");
          host.shadowRoot.querySelector(".panel").classList.remove("light", "dark");
          host.shadowRoot.querySelector(".panel").classList.add(theme);
          host.style.setProperty("--chatbot-accent", accent);
        }, [theme, accent]);
        assertContrast(await page.evaluate(contrasts), `${theme} ${accent}`);
      }
    }
  });

  test("the ring of the closed chat's button has two colours", async () => {
    const page = await visit();
    await page.evaluate(() => document.querySelector("#search").focus());
    await page.keyboard.press("Tab");
    assert.equal(await style(page, ".launcher", "outline-color"), "rgb(0, 0, 0)");
    assert.match(await style(page, ".launcher", "box-shadow"), /rgb\(255, 255, 255\)/);
  });
});

describe("what can be pressed", IN_CHROMIUM, () => {
  test("is 24 pixels wide and high, but for links in a text", async () => {
    const page = await filled();
    const small = await page.evaluate(() => {
      const root = document.querySelector("chatbot-widget").shadowRoot;
      const nodes = [...root.querySelectorAll("button, a, summary, textarea, [role=button], input")].filter((one) => one.checkVisibility() && !one.closest("p a, li > a, td a, .note"));
      if (nodes.length < 15) return [nodes.length];
      return nodes.map((one) => [one.localName, one.className, one.getBoundingClientRect()]).filter(([, , { width, height }]) => width < 24 || height < 24).map(([name, kind, { width, height }]) => `${name}.${kind} ${width}x${height}`);
    });
    assert.deepEqual(small, []);
  });
});

describe("the chat's place", IN_CHROMIUM, () => {
  test("is the lower right corner, 20 pixels from the edges", async () => {
    const page = await chat();
    assert.deepEqual(await box(page, ".launcher"), { x: 924, y: 684, width: 56, height: 56 });
    await page.evaluate(() => document.querySelector("chatbot-widget").shadowRoot.getAnimations().forEach((one) => one.finish()));
    const panel = await box(page, ".panel");
    assert.equal(panel.x + panel.width, 980);
    assert.equal(panel.y + panel.height, 672);
  });

  test("is set by position, offsets and z-index", async () => {
    const page = await chat({ more: 'data-position="left" data-offset-x="0" data-offset-y="90" data-z-index="7"' });
    assert.deepEqual(await box(page, ".launcher"), { x: 0, y: 614, width: 56, height: 56 });
    assert.equal((await box(page, ".panel")).x, 0);
    assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector("chatbot-widget")).zIndex), "7");
  });

  test("leaves room for it in a window of any size", async () => {
    const page = await chat({ viewport: { width: 500, height: 500 }, css: ":root{--chatbot-width:900px;--chatbot-height:900px}" });
    await page.evaluate(() => document.querySelector("chatbot-widget").shadowRoot.getAnimations().forEach((one) => one.finish()));
    assert.deepEqual(await box(page, ".panel"), { x: 20, y: 20, width: 460, height: 392 });
  });

  test("an offset that is none leaves the usual one", async () => {
    const page = await visit({ more: 'data-offset-x="far" data-offset-y' });
    assert.deepEqual(await box(page, ".launcher"), { x: 924, y: 684, width: 56, height: 56 });
  });

  test("moves nothing in the page, as it loads and opens and closes", async () => {
    const watch = () => {
      window.shift = 0;
      new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (shift += value))).observe({ type: "layout-shift", buffered: true });
    };
    const page = await visit({ init: watch });
    await page.locator(".launcher").click();
    await page.locator(".suggestions").waitFor();
    await page.locator(".launcher").click();
    // Two frames later, all that moved has been told.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    assert.equal(await page.evaluate(() => shift), 0);
  });
});

describe("in an element of the page", IN_CHROMIUM, () => {
  const ELEMENT = '<div id="help" style="width:500px;height:420px"></div>';
  const inElement = (more = {}) => visit({ more: 'data-container="#help"', inside: ELEMENT, ...more });
  const shown = async (page) => {
    await page.locator(".suggestions").waitFor();
    return page;
  };

  test("it fills the element, a region that is always open, with no launcher", async () => {
    const page = await shown(await inElement());
    const [outer, inner] = [await box(page, "#help"), await box(page, ".panel")];
    assert.deepEqual(inner, outer);
    assert.ok(await page.locator(".launcher").isHidden());
    assert.equal(await page.getByRole("region", { name: "Tea shop" }).count(), 1);
    assert.equal(await page.getByRole("dialog").count(), 0);
    assert.equal(await page.getByRole("button", { name: "Close chat" }).count(), 0);
    await page.locator("textarea").focus();
    await page.keyboard.press("Escape");
    await page.evaluate(() => { ChatbotWidget.close(); ChatbotWidget.toggle(); ChatbotWidget.shutdown(); });
    await page.locator(".suggestions").waitFor();
    await ask(page, "How long is the delivery?");
    await page.locator(".bot .actions").waitFor();
  });

  test("it goes with the page, and takes neither focus nor scroll", async () => {
    const page = await inElement({ inside: `<p style="height:2000px"></p>${ELEMENT}<p style="height:2000px"></p>`, init: () => addEventListener("DOMContentLoaded", () => scrollTo(0, 300)) });
    await shown(page);
    assert.deepEqual(await page.evaluate(() => [scrollY, document.activeElement.localName]), [300, "body"]);
    const before = await box(page, ".panel");
    await page.evaluate(() => scrollTo(0, 500));
    assert.equal((await box(page, ".panel")).y, before.y - 200);
  });

  test("it waits for an element further down", async () => {
    const html = pageWith(`<p>…</p>${ELEMENT}`, tag(server, 'data-container="#help"').replace(" async", ""));
    const page = await shown(await visit({ html }));
    assert.deepEqual(await box(page, ".panel"), await box(page, "#help"));
  });

  test("it takes an element itself, from init and from the page's settings", async () => {
    const page = await visit({ html: pageWith(`${ELEMENT}<script src="${server.base}/static/widget/js/chatbot-widget.js"></script><script>ChatbotWidget.init({ key: "${server.keys.shop}", container: document.getElementById("help") })</script>`) });
    await shown(page);
    assert.deepEqual(await box(page, ".panel"), await box(page, "#help"));
  });

  test("it keeps to its element in a small window, which it does not fill", async () => {
    const page = await shown(await inElement({ viewport: { width: 390, height: 700 }, inside: ELEMENT.replace("500px", "300px") }));
    assert.deepEqual(await box(page, ".panel"), await box(page, "#help"));
    assert.ok(!(await page.locator(".panel").evaluate((node) => node.matches(":modal"))));
  });

  test("it goes on in the element of another body", async () => {
    const page = await shown(await inElement());
    await ask(page, "How long is the delivery?");
    await page.evaluate((html) => {
      const body = document.createElement("body");
      body.innerHTML = html;
      document.body.replaceWith(body);
    }, ELEMENT);
    assert.deepEqual(await box(page, ".panel"), await box(page, "#help"));
    await page.locator(".bot .actions").waitFor();
    assert.equal(await page.locator(".user").count(), 1);
  });

  for (const [name, policy] of Object.entries(POLICIES)) {
    test(`it stands there under a policy that ${name}, and Trusted Types`, async () => {
      const headers = { "Content-Security-Policy": `${policy(server.base)}; ${TRUSTED_TYPES}` };
      const page = await visit({ html: { html: pageWith(`<div id="help"></div>${tag(server, `nonce="${NONCE}" data-container="#help"`)}`), headers }, init: noteViolations });
      await shown(page);
      await page.locator("textarea").fill("two\nlines");
      assert.deepEqual(await page.evaluate(() => violations), []);
    });
  }

  test("an element that is not there is told on the console", async () => {
    const page = await visit({ more: 'data-container="#nowhere"' });
    await until(() => page.errors.some((text) => text.includes("#nowhere")), "told");
    assert.equal(await page.locator("chatbot-widget").count(), 0);
  });

  test("destroy leaves the element as it was", async () => {
    context = await browser.newContext();
    const page = await context.newPage();
    await page.addInitScript(countListeners);
    await page.goto(site.add("/clean", pageWith(ELEMENT)));
    const clean = await page.evaluate(traces);
    await page.evaluate(([base, key]) => {
      const script = Object.assign(document.createElement("script"), { id: "ours", src: `${base}/static/widget/js/chatbot-widget.js?key=${key}` });
      script.dataset.container = "#help";
      document.head.append(script);
    }, [server.base, server.keys.shop]);
    await shown(page);
    await page.evaluate(() => { ChatbotWidget.destroy(); document.getElementById("ours").remove(); });
    assert.equal(await page.evaluate(traces), clean);
  });

  test("it is printed whole, without what can't be pressed on paper", async () => {
    const page = await shown(await inElement());
    await page.evaluate((text) => ChatbotWidget.addBotMessage(text), `${ANSWER}\n\n${"More. ".repeat(300)}`);
    await page.emulateMedia({ media: "print" });
    const { scrollHeight, clientHeight } = await page.locator(".transcript").evaluate(({ scrollHeight, clientHeight }) => ({ scrollHeight, clientHeight }));
    assert.ok(scrollHeight <= clientHeight + 1, `${scrollHeight} ${clientHeight}`);
    assert.ok((await box(page, ".panel")).height > 700);
    assert.ok(await page.locator("form").isHidden());
  });
});

describe("a small window", IN_CHROMIUM, () => {
  const PHONE = { viewport: { width: 390, height: 664 }, isMobile: true, hasTouch: true };
  const LONG = '<p style="height:3000px">Long.</p><a href="#y" id="last">Last</a>';
  const phone = (options = {}) => visit({ ...PHONE, inside: LONG, ...options });
  const opened = async (page) => {
    await page.locator(".launcher").tap();
    await page.locator(".suggestions").waitFor();
    await page.evaluate(() => document.querySelector("chatbot-widget").shadowRoot.getAnimations().forEach((one) => one.finish()));
    return page;
  };

  test("is filled by the chat, whose field has letters that no phone magnifies", async () => {
    const page = await opened(await phone());
    assert.deepEqual(await box(page, ".panel"), { x: 0, y: 0, ...PHONE.viewport });
    assert.ok(parseFloat(await style(page, "textarea", "font-size")) >= 16);
    await page.evaluate(() => document.documentElement.style.setProperty("--chatbot-font-size", "13px"));
    assert.equal(await style(page, "textarea", "font-size"), "16px");
  });

  test("so is a low one", async () => {
    const page = await opened(await phone({ viewport: { width: 800, height: 380 } }));
    assert.deepEqual(await box(page, ".panel"), { x: 0, y: 0, width: 800, height: 380 });
  });

  const SCROLLERS = {
    "the window": "",
    "a root with a scroll bar of its own": "html{overflow-y:scroll}",
    "a body that scrolls": "html,body{height:100%;margin:0}body{overflow:auto}",
    "both": "html{height:100%;overflow:hidden auto}body{overflow:visible}",
  };
  for (const [name, css] of Object.entries(SCROLLERS)) {
    test(`the page behind stays where it is (${name}), and is as before afterwards`, async () => {
      const page = await phone({ css });
      const state = () => page.evaluate(() => [scrollY, ...[document.documentElement, document.body].flatMap((node) => [node.scrollTop, getComputedStyle(node).overflow, node.getAttributeNames().join(), node.inert])].join("|"));
      await page.evaluate(() => scrollTo(0, 700));
      const before = await state();
      await opened(page);
      assert.equal(await page.evaluate(() => scrollY), 700);
      await page.mouse.move(200, 30);
      await page.mouse.wheel(0, 400);
      await page.mouse.move(200, 640);
      await page.mouse.wheel(0, 400);
      // What was to scroll has scrolled two frames later.
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      assert.equal(await page.evaluate(() => scrollY), 700);
      await page.getByRole("button", { name: "Close chat" }).tap();
      assert.equal(await state(), before);
      assert.equal(await page.evaluate(() => document.adoptedStyleSheets.length), 0);
    });
  }

  test("the page behind is reached neither by Tab nor by a screen reader, also another body", async () => {
    const page = await opened(await phone());
    for (const change of [() => {}, () => document.body.replaceWith(document.body.cloneNode(true))]) {
      await page.evaluate(change);
      for (let n = 0; n < 12; n++) {
        await page.keyboard.press("Tab");
        const active = await page.evaluate(() => document.activeElement.localName);
        assert.ok(["chatbot-widget", "body"].includes(active), active);
      }
      const client = await context.newCDPSession(page);
      const { nodes } = await client.send("Accessibility.getFullAXTree");
      const names = nodes.filter((node) => !node.ignored).map((node) => node.name?.value);
      assert.ok(names.includes("Tea shop") && !names.includes("A link"), names.join());
    }
    await page.getByRole("button", { name: "Close chat" }).tap();
    await page.locator("#last").focus();
    assert.equal(await page.evaluate(() => document.activeElement.id), "last");
  });

  test("Escape, and what else a browser closes a dialog by, close it", async () => {
    const page = await opened(await phone());
    await page.keyboard.press("Escape");
    assert.ok(await page.locator(".panel").isHidden());
    assert.equal(await page.evaluate(() => document.activeElement.shadowRoot.activeElement.className), "launcher");
    await opened(page);
    await page.locator(".panel").evaluate((dialog) => dialog.close());
    await page.locator('.launcher[aria-expanded="false"]').waitFor();
    assert.ok(await page.locator(".panel").isHidden());
    assert.equal(await page.evaluate(() => document.adoptedStyleSheets.length), 0);
  });

  test("is given back when it grows, with the text and the focus", async () => {
    const page = await opened(await phone());
    await page.locator("textarea").pressSequentially("Half a");
    await page.setViewportSize({ width: 1000, height: 760 });
    await page.waitForFunction(() => !document.querySelector("chatbot-widget").shadowRoot.querySelector(".panel").matches(":modal"));
    assert.ok(await page.locator(".panel").isVisible());
    assert.equal((await box(page, ".panel")).width, 400);
    await page.keyboard.type(" question");
    assert.equal(await page.locator("textarea").inputValue(), "Half a question");
    await page.setViewportSize(PHONE.viewport);
    await page.waitForFunction(() => document.querySelector("chatbot-widget").shadowRoot.querySelector(".panel").matches(":modal"));
    await page.keyboard.type("?");
    assert.equal(await page.locator("textarea").inputValue(), "Half a question?");
  });

  test("what a keyboard on the screen leaves of it is filled, the newest words in sight", async () => {
    const keyboard = () => {
      const free = (window.free = {});
      for (const name of ["height", "offsetTop"]) {
        const { get } = Object.getOwnPropertyDescriptor(VisualViewport.prototype, name);
        Object.defineProperty(VisualViewport.prototype, name, { get() { return free[name] ?? get.call(this); } });
      }
    };
    const page = await opened(await phone({ init: keyboard }));
    await ask(page, scripted({ say: `${"Words. ".repeat(300)}\n\nThe end.` }));
    await page.getByRole("button", { name: "To the newest answer" }).tap();
    await page.evaluate(() => {
      Object.assign(free, { height: 300, offsetTop: 40 });
      visualViewport.dispatchEvent(new Event("resize"));
    });
    assert.deepEqual(await box(page, ".panel"), { x: 0, y: 40, width: 390, height: 300 });
    const note = await box(page, ".note");
    assert.ok(note.y + note.height <= 340);
    await page.waitForFunction(() => {
      const transcript = document.querySelector("chatbot-widget").shadowRoot.querySelector(".transcript");
      return transcript.scrollHeight - transcript.scrollTop - transcript.clientHeight < 2;
    });
  });

  test("the phone's own edges are left free", async () => {
    const page = await phone();
    const client = await context.newCDPSession(page);
    await client.send("Emulation.setSafeAreaInsetsOverride", { insets: { top: 47, bottom: 34, left: 10 } });
    const before = await box(page, ".launcher");
    assert.equal(before.y + before.height, 664 - 20 - 34);
    await opened(page);
    assert.equal((await box(page, "header")).y, 47);
    assert.equal((await box(page, "header")).x, 10);
    const note = await box(page, ".note");
    assert.equal(note.y + note.height, 664 - 34);
  });

  test("destroy gives the page back", async () => {
    const page = await opened(await phone());
    await page.evaluate(() => ChatbotWidget.destroy());
    assert.equal(await page.evaluate(() => document.adoptedStyleSheets.length), 0);
    await page.locator("#search").tap();
    assert.equal(await page.evaluate(() => document.activeElement.id), "search");
  });
});

describe("a visitor's system", IN_CHROMIUM, () => {
  test("that wants no motion has none", async () => {
    const page = await chat({ reducedMotion: "reduce" });
    await ask(page, scripted({ say: "Late.", first: 2 }));
    await page.locator("[aria-busy=true]").waitFor();
    assert.equal(await page.evaluate(() => document.querySelector("chatbot-widget").shadowRoot.getAnimations().length), 0);
    await page.emulateMedia({ reducedMotion: "no-preference" });
    assert.ok(await page.evaluate(() => document.querySelector("chatbot-widget").shadowRoot.getAnimations().length > 0));
  });

  test("that has colours of its own shows every border, icon, state and ring", async () => {
    const page = await filled({ forcedColors: "active" });
    for (const selector of [".launcher", ".panel", ".user", ".notice", ".cite", ".icon", "[part=composer]", ".notice .button", "th"]) {
      assert.equal(await style(page, selector, "border-top-style"), "solid", selector);
    }
    assert.notEqual(await style(page, "[aria-pressed=true]", "background-color"), await style(page, "[aria-pressed=false]", "background-color"));
    assert.equal(await style(page, "[part=composer]", "outline-style"), "solid");
    assert.equal(await style(page, ".icon", "color"), await style(page, ".icon svg", "stroke"));
    await page.keyboard.press("Tab");
    assert.equal(await style(page, "[part=composer] .icon", "outline-style"), "solid");
    assertContrast(await page.evaluate(contrasts), "forced colours");
  });

  test("that prints the page prints it without the chat", async () => {
    const page = await chat();
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector("chatbot-widget")).display), "none");
  });
});

describe("what has the focus in the page", IN_CHROMIUM, () => {
  /** Small links all over the window, and more below. */
  const LINKS = Array.from({ length: 150 }, (_, n) => `<a href="#${n}" style="position:absolute;left:${(n % 10) * 97 + 60}px;top:${Math.floor(n / 10) * 90 + 70}px;font-size:13px">L${n}</a>`).join("");
  /** How often a focused link lay under the chat as a whole, and how often it could not be seen through it. */
  async function tabbed(page) {
    await page.locator("#search").focus();
    const told = { under: 0, hidden: 0, inPage: 0 };
    for (let n = 0; n < 150; n++) {
      await page.keyboard.press("Tab");
      const found = await page.evaluate(async () => {
        const frame = () => new Promise((done) => requestAnimationFrame(done));
        await frame();
        await frame();
        const node = document.activeElement;
        if (node.localName !== "a") return {};
        const { left, right, top, bottom } = node.getBoundingClientRect();
        const root = document.querySelector("chatbot-widget").shadowRoot;
        const over = [...root.querySelectorAll(".launcher, .panel")].find((part) => {
          const edge = part.getBoundingClientRect();
          return edge.width && edge.left <= left && edge.right >= right && edge.top <= top && edge.bottom >= bottom;
        });
        return { inPage: 1, under: over ? 1 : 0, hidden: over && Number(getComputedStyle(over).opacity) > 0.2 ? 1 : 0 };
      });
      for (const name of Object.keys(found)) told[name] += found[name];
    }
    return told;
  }

  for (const state of ["closed", "open"]) {
    test(`is never hidden by the ${state} chat`, async () => {
      // A link of the page stands just where the launcher is.
      const page = await visit({ inside: `${LINKS}<a href="#x" style="position:fixed;right:40px;bottom:40px;font-size:12px">F</a>` });
      if (state === "open") await page.evaluate(() => ChatbotWidget.open({ focus: false }));
      const { inPage, under, hidden } = await tabbed(page);
      assert.ok(inPage >= 140, String(inPage));
      assert.equal(hidden, 0);
      if (state === "open") assert.ok(under > 5, String(under));
      if (state === "closed") {
        await page.keyboard.press("Tab");
        await page.waitForFunction(() => getComputedStyle(document.querySelector("chatbot-widget").shadowRoot.querySelector(".launcher")).opacity === "0.1");
      }
      await page.locator("#search").focus();
      await page.waitForFunction(() => [...document.querySelector("chatbot-widget").shadowRoot.querySelectorAll(".launcher, .panel")].every((part) => getComputedStyle(part).opacity === "1"));
    });
  }
});

describe("the field", IN_CHROMIUM, () => {
  for (const [name, init] of [["by the browser", undefined], ["by hand", () => { const { supports } = CSS; CSS.supports = (...all) => !String(all).includes("field-sizing") && supports.apply(CSS, all); }]]) {
    test(`grows with its text, up to a bound, and shrinks again: ${name}`, async () => {
      const page = await chat({ init });
      if (init) await page.locator("textarea").evaluate((node) => node.style.setProperty("field-sizing", "fixed"));
      const height = async () => Math.round((await box(page, "textarea")).height);
      const one = await height();
      await page.locator("textarea").fill("1\n2\n3");
      assert.ok((await height()) > one * 1.8);
      await page.locator("textarea").fill("line\n".repeat(40));
      assert.equal(await height(), 140);
      await page.locator("textarea").fill("short");
      assert.equal(await height(), one);
      await page.locator("textarea").fill("1\n2\n3");
      await page.locator("textarea").press("Enter");
      assert.equal(await height(), one);
    });
  }
});
