/** Talking with the chat: what a visitor sees, presses and hears, whatever becomes of an answer. */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";

import { IN_CHROMIUM, inChromium, pageWith, scripted, tag, until } from "./harness.mjs";

let server, site, browser, context;
inChromium((...all) => ([server, site, browser] = all));
afterEach(() => context?.close());

let count = 0;
/** A page with the open chat. */
async function chat(options) {
  const page = await visit(options);
  await page.locator(".launcher").click();
  await page.locator(".panel h2", { hasText: /shop|Narrow/ }).waitFor();
  return page;
}

/** A page with the closed chat. */
async function visit({ key, more = "", init, ...options } = {}) {
  context = await browser.newContext({ viewport: { width: 1000, height: 760 }, ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  if (init) await page.addInitScript(init);
  await page.goto(site.add(`/${++count}`, pageWith(tag(server, more, key))));
  await page.waitForFunction(() => window.ChatbotWidget && "current" in ChatbotWidget);
  return page;
}

/** Ask, without waiting for the answer. */
async function ask(page, told) {
  await page.locator("textarea").fill(typeof told === "string" ? told : scripted(told));
  await page.locator("textarea").press("Enter");
}

const said = (page) => page.locator(".bot .message-content").last();
const done = (page) => page.locator(".bot .actions").last().waitFor();
const notice = async (page) => {
  await page.locator(".notice").waitFor();
  return page.locator(".notice").innerText();
};
/** Questions that the provider has been asked with this script. */
const times = async (told) => (await server.seen())[scripted(told)] ?? 0;
let unique = 0;
/** A script that no other test has asked. */
const mine = (told) => ({ ...told, n: ++unique });

describe("an answer", IN_CHROMIUM, () => {
  test("grows as it comes, from its first words", async () => {
    const page = await chat();
    await ask(page, { say: "One two three four five six seven eight nine ten.", chunk: 5, pace: 0.1 });
    await said(page).filter({ hasText: "One" }).waitFor();
    assert.ok(!(await said(page).innerText()).includes("ten"));
    assert.equal(await said(page).getAttribute("aria-busy"), "true");
    await done(page);
    assert.equal(await said(page).innerText(), "One two three four five six seven eight nine ten.");
    assert.equal(await said(page).getAttribute("aria-busy"), null);
  });

  test("leaves a selection in what is finished alone", async () => {
    const page = await chat();
    await ask(page, { say: `First paragraph.\n\n${"Second paragraph goes on. ".repeat(20)}`, chunk: 10, pace: 0.05 });
    await said(page).locator("p").nth(1).waitFor();
    await page.evaluate(() => {
      const p = [...document.querySelector("chatbot-widget").shadowRoot.querySelectorAll(".bot")].at(-1).querySelector("p");
      getSelection().setBaseAndExtent(p.firstChild, 0, p.firstChild, 5);
      window.selected = p.firstChild;
    });
    await done(page);
    assert.ok(await page.evaluate(() => selected.isConnected && selected.data === "First paragraph."));
  });

  test("is followed until its question would leave at the top; there it stays for who reads", async () => {
    const page = await chat();
    const long = Array.from({ length: 60 }, (_, n) => `Paragraph ${n}.`).join("\n\n");
    await ask(page, "How long is the delivery?");
    await done(page);
    await ask(page, { say: long, chunk: 12, pace: 0.01 });
    await said(page).filter({ hasText: "Paragraph 59." }).waitFor();
    await done(page);
    const [question, view] = await Promise.all([page.locator(".user").last().boundingBox(), page.locator(".transcript").boundingBox()]);
    assert.ok(question.y >= view.y && question.y < view.y + 20, `${question.y} in ${view.y}`);
    await page.getByRole("button", { name: "To the newest answer" }).click();
    await page.locator(".to-end").waitFor({ state: "hidden" });
  });

  test("is not followed once the visitor scrolls up, and to its end once they go there", async () => {
    const page = await chat();
    const where = () => page.evaluate(() => {
      const t = document.querySelector("chatbot-widget").shadowRoot.querySelector(".transcript");
      return { top: t.scrollTop, rest: t.scrollHeight - t.scrollTop - t.clientHeight };
    });
    const long = Array.from({ length: 60 }, (_, n) => `Paragraph ${n}.`).join("\n\n");
    await ask(page, { say: long, chunk: 12, pace: 0.02 });
    await said(page).filter({ hasText: "Paragraph 15." }).waitFor();
    await page.getByRole("button", { name: "To the newest answer" }).click();
    await said(page).filter({ hasText: "Paragraph 30." }).waitFor();
    assert.ok((await where()).rest < 60);
    await page.locator(".transcript").hover();
    await page.mouse.wheel(0, -200);
    await page.waitForFunction(() => {
      const t = document.querySelector("chatbot-widget").shadowRoot.querySelector(".transcript");
      return t.scrollHeight - t.scrollTop - t.clientHeight > 150;
    });
    const { top } = await where();
    await done(page);
    assert.equal((await where()).top, top);
  });

  test("can be stopped; what has come stays", async () => {
    const page = await chat();
    const told = mine({ say: "word ".repeat(400), chunk: 5, pace: 0.05 });
    await ask(page, told);
    await said(page).filter({ hasText: "word word" }).waitFor();
    await page.getByRole("button", { name: "Stop the answer" }).click();
    const text = await notice(page);
    assert.match(text, /Stopped/);
    assert.doesNotMatch(text, /req_|Call/);
    assert.match(await said(page).innerText(), /^word word/);
    assert.equal(await times(told), 1);
  });

  test("is not disturbed by a second question: that waits in the field", async () => {
    const page = await chat();
    await ask(page, { say: "word ".repeat(40), chunk: 5, pace: 0.03 });
    await said(page).filter({ hasText: "word word" }).waitFor();
    await page.evaluate(() => ChatbotWidget.send("And the next one?"));
    await done(page);
    assert.equal(await page.locator(".user").count(), 1);
    assert.equal(await page.locator("textarea").inputValue(), "And the next one?");
  });

  test("in Markdown has its structure; raw HTML is a text; nothing is fetched", async () => {
    const page = await chat();
    const foreign = [];
    page.on("request", (r) => !r.url().startsWith(server.base) && foreign.push(r.url()));
    await ask(page, { say: "## Teas\n\n- **Green**\n- Black\n\n![x](https://evil.example/p.png?d=secret) <img src=x onerror=alert(1)>\n\n[shop](https://shop.example/a) [bad](javascript:alert(1))" });
    await done(page);
    assert.equal(await said(page).locator("h2").innerText(), "Teas");
    assert.equal(await said(page).locator("li strong").innerText(), "Green");
    assert.equal(await said(page).locator("img").count(), 0);
    const link = said(page).locator("a");
    assert.equal(await link.count(), 1);
    assert.match(await link.getAttribute("rel"), /noopener/);
    assert.match(await link.innerText(), /shop\.example/);
    assert.deepEqual(foreign, []);
  });

  test("has its code copied, all of it, while it still comes", async () => {
    const page = await chat({ permissions: ["clipboard-read", "clipboard-write"] });
    await ask(page, { say: "```js\nlet a = 1;\nlet b = 2;\n```\n\nAnd more. And more. And more.", chunk: 3, pace: 0.03 });
    await page.locator(".code button").click();
    await page.locator(".code button", { hasText: "Copied" }).waitFor();
    await done(page);
    await page.locator(".code button").click();
    const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
    await until(async () => (await clipboard()) === "let a = 1;\nlet b = 2;\n", "all of the code in the clipboard");
  });

  test("is rated, and the rating arrives", async () => {
    const page = await chat();
    await ask(page, "How long is the delivery?");
    await done(page);
    const sent = page.waitForResponse((r) => r.url().endsWith("/feedback"));
    await page.getByRole("button", { name: "Not helpful" }).click();
    const response = await sent;
    assert.equal(response.status(), 200);
    assert.equal((await response.json()).rating, "down");
    await page.locator(".actions", { hasText: "Thank you." }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Not helpful" }).getAttribute("aria-pressed"), "true");
  });
});

describe("sources", IN_CHROMIUM, () => {
  const citations = [
    { id: "a", n: 1, title: "Teas", url: "https://shop.example/teas", place: "p. 3", text: "There are **three** teas." },
    { id: "b", n: 3, title: "<b>Prices</b>", url: "javascript:alert(1)", place: "", text: "Five euros." },
  ];

  test("a number in the text opens its passage; one that has none is shown as dead", async () => {
    const page = await chat();
    await ask(page, { say: "Three [1], five [3], what [2].", citations });
    await done(page);
    const passages = page.locator(".sources details");
    assert.equal(await passages.count(), 2);
    await page.getByRole("button", { name: "Source 3: <b>Prices</b>" }).click();
    await page.locator(".sources li:nth-child(2) details[open]").waitFor();
    assert.ok((await passages.nth(1).innerText()).includes("Five euros."));
    assert.equal(await passages.nth(1).locator("a").count(), 0);
    await page.getByRole("button", { name: "Source 1: Teas, p. 3" }).press("Enter");
    await page.locator(".sources li:nth-child(1) details[open]").waitFor();
    assert.ok((await passages.nth(0).innerText()).includes("There are **three** teas."));
    assert.equal(await passages.nth(0).locator("a").getAttribute("href"), "https://shop.example/teas");
    assert.equal(await page.locator(".dead").innerText(), "2");
  });

  test("addBotMessage shows an answer with sources that the page has", async () => {
    const page = await chat();
    await page.evaluate((citations) => ChatbotWidget.addBotMessage("From the page [1].", citations), citations);
    await page.getByRole("button", { name: "Source 1: Teas, p. 3" }).click();
    await page.locator(".sources details[open]").waitFor();
  });
});

describe("what the owner says of the bot", IN_CHROMIUM, () => {
  const config = "**/widget/config*";
  const failed = (route) => route.fulfill({ status: 503, headers: { "Access-Control-Allow-Origin": "*" }, json: { error: { message: "Full.", type: "server_error", code: "overloaded", param: null } } });

  test("is asked again where it did not come, and shown once", async () => {
    const page = await visit();
    let calls = 0;
    await page.route(config, (route) => (calls++ ? route.continue() : failed(route)));
    await page.locator(".launcher").click();
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".suggestions").waitFor();
    assert.equal(await page.locator(".bot").count(), 1);
    assert.equal(await page.locator(".notice").count(), 0);
  });

  test("stands before a question that was asked before it came", async () => {
    const page = await visit();
    let go;
    const held = new Promise((done) => (go = done));
    await page.route(config, async (route) => (await held, route.continue()));
    await page.evaluate(() => ChatbotWidget.send("How long is the delivery?"));
    await done(page);
    go();
    await page.locator(".suggestions").waitFor();
    assert.deepEqual(await page.locator("article").evaluateAll((all) => all.map((node) => node.className)), ["message bot", "message user", "message bot"]);
  });

  test("that it is stopped is told, and nothing invites to ask", async () => {
    const page = await visit();
    await page.route(config, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), stopped: "We are closed today." } });
    });
    await page.locator(".launcher").click();
    const text = await notice(page);
    assert.match(text, /We are closed today\./);
    assert.match(text, /Call 02 555 0199/);
    assert.equal(await page.locator(".suggestions").count(), 0);
  });
});

describe("the next person at the same page", IN_CHROMIUM, () => {
  test("gets nothing of an answer that was under way at shutdown", async () => {
    const page = await chat();
    await ask(page, { say: "secret ".repeat(100), chunk: 7, pace: 0.05 });
    await said(page).filter({ hasText: "secret secret" }).waitFor();
    await page.locator("textarea").fill("a draft");
    const sent = page.waitForRequest((r) => r.url().endsWith("/chat/completions"));
    await page.evaluate(() => {
      window.heard = [];
      ChatbotWidget.on("error", (e) => heard.push(e));
      ChatbotWidget.shutdown();
      ChatbotWidget.send("How long is the delivery?");
    });
    assert.equal((await sent).headers()["x-session-id"], undefined);
    await done(page);
    assert.equal(await page.locator(".user").count(), 1);
    assert.equal(await page.locator("textarea").inputValue(), "");
    assert.ok(!(await page.locator(".panel").innerText()).includes("secret"));
    assert.deepEqual(await page.evaluate(() => heard), []);
  });
});

describe("a failure has its own words, the contact and a request id", IN_CHROMIUM, () => {
  test("a fault in showing an answer is told, and the chat goes on", async () => {
    const page = await chat();
    await page.evaluate(() => {
      const { createElement } = Document.prototype;
      Document.prototype.createElement = function (name) {
        if (name === "em") throw new Error("patched");
        return createElement.apply(this, arguments);
      };
    });
    await ask(page, { say: "It is *here*." });
    assert.match(await notice(page), /fault/);
    assert.ok(await page.getByRole("button", { name: "Send" }).isVisible());
  });

  test("what could be done about an earlier one is gone when the next question goes out", async () => {
    const page = await chat();
    await ask(page, mine({ fault: "cut", tokens: 12 }));
    await page.getByRole("button", { name: "Continue" }).waitFor();
    await ask(page, "How long is the delivery?");
    await done(page);
    assert.equal(await page.getByRole("button", { name: "Continue" }).count(), 0);
    assert.equal(await page.getByRole("button", { name: "Copy request id" }).count(), 1);
  });

  test("a rating that did not arrive is not shown as given", async () => {
    const page = await chat();
    await ask(page, "How long is the delivery?");
    await done(page);
    await page.route("**/feedback", (route) => route.abort());
    await page.getByRole("button", { name: "Helpful", exact: true }).click();
    await page.locator(".actions", { hasText: "did not arrive" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Helpful", exact: true }).getAttribute("aria-pressed"), "false");
  });

  test("broken off: the partial answer stays, and Continue asks in sight", async () => {
    const page = await chat();
    const told = mine({ fault: "cut", tokens: 12 });
    await ask(page, told);
    const text = await notice(page);
    assert.match(text, /broke off/);
    assert.match(text, /Call 02 555 0199/);
    assert.match(text, /Request req_/);
    assert.ok((await said(page).innerText()).length > 0);
    const questions = page.locator(".user");
    assert.equal(await questions.count(), 1);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.locator(".user", { hasText: "Please go on where you stopped." }).waitFor();
  });

  test("its request id is copied", async () => {
    const page = await chat({ permissions: ["clipboard-read", "clipboard-write"] });
    await ask(page, mine({ fault: "cut", tokens: 12 }));
    await notice(page);
    await page.getByRole("button", { name: "Copy request id" }).click();
    await page.locator(".notice", { hasText: "Copied" }).waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^req_[0-9a-f]{32}$/);
  });

  test("cut by its length: whole for the server, and can be gone on with", async () => {
    const page = await chat();
    await ask(page, { say: "A long story", finish: "length" });
    assert.match(await notice(page), /greatest length/);
    assert.match(await page.locator(".panel > [role=status]").textContent(), /greatest length/);
    await page.getByRole("button", { name: "Continue" }).waitFor();
  });

  test("too many questions: the server's words, and a countdown that ends in one visible question only", async () => {
    const page = await chat({ key: server.keys.narrow });
    await ask(page, "One");
    await done(page);
    await ask(page, "Two");
    await page.locator(".retrying", { hasText: /Too many questions at once. Asking again in \d+ s/ }).waitFor();
    assert.equal(await page.locator(".user").count(), 2);
    await page.getByRole("button", { name: "Cancel" }).click();
    const text = await page.locator(".notice").innerText();
    assert.match(text, /Too many questions/);
    assert.match(text, /help@shop\.example/);
  });

  test("not reached: counted down, asked again by Now, and answered", async () => {
    const page = await chat();
    let calls = 0;
    await page.route("**/chat/completions", (route) => (calls++ ? route.continue() : route.fulfill({ status: 503, headers: { "Retry-After": "30", "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After" }, json: { error: { message: "Full.", type: "server_error", code: "overloaded", param: null } } })));
    await ask(page, "How long is the delivery?");
    await page.locator(".retrying").waitFor();
    await page.getByRole("button", { name: "Now" }).click();
    await done(page);
    assert.equal(calls, 2);
    assert.equal(await page.locator(".user").count(), 1);
    assert.equal(await page.locator(".notice").count(), 0);
  });

  test("offline: said so, and asked again when the visitor wants it", async () => {
    const page = await chat();
    await context.setOffline(true);
    await ask(page, "How long is the delivery?");
    const cancel = page.getByRole("button", { name: "Cancel" });
    const again = page.getByRole("button", { name: "Try again" });
    await cancel.or(again).first().waitFor();
    // The wait may be over by itself.
    await cancel.click({ timeout: 2000 }).catch(() => {});
    await again.waitFor();
    assert.match(await page.locator(".notice").innerText(), /can't be reached/);
    await context.setOffline(false);
    await again.click();
    await done(page);
  });

  const refusals = {
    over_budget: [429, "insufficient_quota", "budget_exceeded", /answered all it may/],
    stopped: [503, "server_error", "service_stopped", /switched off/],
    refused: [400, "invalid_request_error", "invalid_request", /not accepted/],
  };
  for (const [state, [status, type, code, words]] of Object.entries(refusals)) {
    test(`${state}: nothing is asked again by itself`, async () => {
      const page = await chat();
      let calls = 0;
      await page.route("**/chat/completions", (route) => {
        calls++;
        return route.fulfill({ status, headers: { "Access-Control-Allow-Origin": "*", "X-Request-ID": "req_1", "Access-Control-Expose-Headers": "X-Request-ID" }, json: { error: { message: "The server's words.", type, code, param: null } } });
      });
      await ask(page, "Hello");
      const text = await notice(page);
      assert.match(text, words);
      assert.match(text, /The server's words\./);
      assert.match(text, /Call 02 555 0199/);
      assert.match(text, /req_1/);
      assert.equal(calls, 1);
    });
  }

  test("a page that is not listed is told so by name", async () => {
    context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(site.add("/other", pageWith(tag(server))).replace("127.0.0.1", "other.localhost"));
    await page.locator(".launcher").click();
    assert.match(await notice(page), /can't be shown on this page.*origin/s);
    await page.locator("textarea").fill("Hello?");
    await page.locator("textarea").press("Enter");
    const cancel = page.getByRole("button", { name: "Cancel" });
    await cancel.or(page.locator(".notice").nth(1)).first().waitFor();
    // The wait may be over by itself.
    await cancel.click({ timeout: 2000 }).catch(() => {});
    await cancel.waitFor({ state: "detached" });
    assert.match(await page.locator(".notice").nth(1).innerText(), /origin|can't be reached/);
  });

  test("a proxy that makes one piece of a stream still gives the answer", async () => {
    const page = await chat();
    await page.route("**/chat/completions", async (route) => {
      const body = route.request().postDataJSON();
      if (body.stream) return route.fulfill({ status: 200, headers: { "Access-Control-Allow-Origin": "*", "Content-Type": "text/html" }, body: "<html>proxy</html>" });
      return route.continue();
    });
    await ask(page, "How long is the delivery?");
    await done(page);
    assert.ok((await said(page).innerText()).length > 20);
  });
});

describe("the keyboard", IN_CHROMIUM, () => {
  test("Enter sends, Shift+Enter is a line, Escape closes and gives the focus back", async () => {
    const page = await chat();
    await page.keyboard.type("One");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("two");
    assert.equal(await page.locator("textarea").inputValue(), "One\ntwo");
    await page.keyboard.press("Enter");
    await done(page);
    assert.equal(await page.locator(".user").innerText(), "One\ntwo");
    await page.keyboard.press("Escape");
    assert.ok(await page.locator(".panel").isHidden());
    assert.equal(await page.evaluate(() => document.activeElement.shadowRoot?.activeElement?.className), "launcher");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.shadowRoot?.activeElement?.localName), "textarea");
  });

  test("is where the next thing is, when a pressed button goes", async () => {
    const page = await chat();
    let calls = 0;
    await page.route("**/chat/completions", (route) => (calls++ ? route.continue() : route.fulfill({ status: 503, headers: { "Retry-After": "30", "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After" }, json: { error: { message: "Full.", type: "server_error", code: "overloaded", param: null } } })));
    const focused = () => page.evaluate(() => document.activeElement.shadowRoot?.activeElement?.localName);
    await ask(page, "How long is the delivery?");
    await page.getByRole("button", { name: "Now" }).press("Enter");
    await done(page);
    assert.equal(await focused(), "textarea");
    await ask(page, { say: `![a cat](${server.base}/cat.png)` });
    await page.getByRole("button", { name: /a cat/ }).press("Enter");
    await said(page).locator("img").waitFor();
    assert.equal(await focused(), "article");
  });

  test("says by how much a question is too long, until it is not", async () => {
    const page = await chat();
    await page.route("**/widget/config*", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), question_chars: 5 } });
    });
    await page.evaluate(() => { ChatbotWidget.shutdown(); ChatbotWidget.open(); });
    await page.locator(".suggestions").waitFor();
    await ask(page, "1234567");
    assert.equal(await page.locator(".over").innerText(), "2 characters too many");
    assert.equal(await page.locator(".user").count(), 0);
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Backspace");
    assert.equal(await page.locator(".over").count(), 0);
  });

  test("Enter that confirms an input method's word does not send", async () => {
    const page = await chat();
    const input = page.locator("textarea");
    await input.fill("にほん");
    const press = (values) => input.evaluate((node, values) => {
      const event = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, composed: true, cancelable: true, ...values });
      if (values.keyCode) Object.defineProperty(event, "keyCode", { value: values.keyCode });
      node.dispatchEvent(event);
    }, values);
    await press({ isComposing: true });
    await press({ keyCode: 229 });
    assert.equal(await page.locator(".user").count(), 0);
    await press({});
    assert.equal(await page.locator(".user").count(), 1);
  });

  test("reaches everything in the order it is seen, and leaves the chat at its end", async () => {
    const page = await chat();
    await page.getByRole("button", { name: "More" }).focus();
    const order = [];
    for (let n = 0; n < 9; n++) {
      order.push(await page.evaluate(() => {
        const node = document.activeElement?.shadowRoot?.activeElement;
        return node ? node.getAttribute("aria-label") || node.textContent : "page";
      }));
      await page.keyboard.press("Tab");
    }
    const [more, close, transcript, first, second, input, send, privacy] = order;
    assert.deepEqual([more, close, transcript, first, second], ["More", "Close chat", "Conversation", "Which tea has no caffeine?", "How long is the delivery?"]);
    assert.deepEqual([input, send, privacy], ["Your question", "Send", "Privacy"]);
  });
});

describe("a screen reader", IN_CHROMIUM, () => {
  test("finds a name on each control, a dialog, and no live region but statuses", async () => {
    const page = await chat();
    await ask(page, { say: "Some `code` and [a link](https://a.example).\n\n```js\nx\n```", citations: [{ id: "a", n: 1, title: "T", url: "", place: "", text: "x" }] });
    await done(page);
    const client = await context.newCDPSession(page);
    const { nodes } = await client.send("Accessibility.getFullAXTree");
    const shown = nodes.filter((node) => !node.ignored);
    const named = (roles) => shown.filter((node) => roles.includes(node.role?.value));
    for (const node of named(["button", "link", "textbox", "dialog", "article", "DisclosureTriangle"])) {
      assert.ok(node.name?.value?.trim(), JSON.stringify(node));
    }
    assert.deepEqual(named(["dialog"]).map((node) => node.name.value), ["Tea shop"]);
    assert.deepEqual(named(["article"]).map((node) => node.name.value).slice(-2), ["Question 1", "Answer 1 from Tea shop"]);
    assert.equal(named(["log", "alert", "marquee", "timer"]).length, 0);
  });

  test("is told of an answer twice, never of single words", async () => {
    const page = await chat();
    await page.evaluate(() => {
      window.spoken = [];
      const root = document.querySelector("chatbot-widget").shadowRoot;
      const status = root.querySelector(".panel > [role=status]");
      new MutationObserver(() => spoken.push(status.textContent)).observe(status, { childList: true, characterData: true, subtree: true });
      for (const live of root.querySelectorAll("[aria-live], [role=log], [role=alert]")) spoken.push(live.outerHTML);
    });
    await ask(page, { say: "one two three four five six seven eight [1]", chunk: 4, pace: 0.01, citations: [{ id: "a", n: 1, title: "T", url: "", place: "", text: "x" }] });
    await done(page);
    assert.deepEqual(await page.evaluate(() => spoken), ["Answering", "Answered, 8 words, 1 source"]);
  });
});

describe("the operator's page", IN_CHROMIUM, () => {
  test("takes the form of its own page from a real browser", async () => {
    context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${server.base}/admin`);
    await page.fill("#key", "sk_wrong");
    await page.click("button");
    await page.locator("[role=alert]").waitFor();
  });
});
