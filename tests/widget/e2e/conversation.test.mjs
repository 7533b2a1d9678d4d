/** A conversation as a whole: asked again and otherwise, taken up on the next page, in several tabs, begun anew, forgotten. */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";

import { IN_CHROMIUM, inChromium, pageWith, scripted, tag, until } from "./harness.mjs";

let server, site, browser, context;
inChromium((...all) => ([server, site, browser] = all));
afterEach(() => context?.close());

let count = 0;
/** A page with the closed chat; in the same browser as the one before where `same`. */
async function visit({ key, more = "", same = false, path, ...options } = {}) {
  if (!same) context = await browser.newContext({ viewport: { width: 1000, height: 760 }, ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  await page.goto(site.add(path ?? `/${++count}`, pageWith(tag(server, more, key))));
  await page.waitForFunction(() => window.ChatbotWidget && "current" in ChatbotWidget);
  return page;
}

async function chat(options) {
  const page = await visit(options);
  await page.locator(".launcher").click();
  await page.locator(".panel h2", { hasText: "Tea shop" }).waitFor();
  return page;
}

let unique = 0;
/** A script that no other test has asked. */
const mine = (told) => ({ ...told, n: ++unique });
const text = (told) => (typeof told === "string" ? told : scripted(told));
async function ask(page, told) {
  await page.locator("textarea").fill(text(told));
  await page.locator("textarea").press("Enter");
}
const done = (page) => page.locator(".bot .actions").last().waitFor();
const answer = (page) => page.locator(".bot .message-content").last();
const questions = (page) => page.locator(".user .message-content").allInnerTexts();
const press = (page, name) => page.getByRole("button", { name, exact: true }).last().click();
/** What the server has of this visitor's conversation. */
const kept = (page) => page.evaluate(async ([base, key]) => {
  const { session, conversation } = JSON.parse(localStorage.getItem(`chatbot:${key}`));
  const headers = { Authorization: `Bearer ${key}`, "X-Session-ID": session };
  const response = await fetch(`${base}/api/v1/conversations/${conversation}`, { headers });
  return response.ok ? (await response.json()).messages.map(({ role, content, sources }) => ({ role, content, sources })) : response.status;
}, [server.base, server.keys.shop]);
const contents = async (page) => (await kept(page)).map(({ content }) => content);

describe("the newest turn", IN_CHROMIUM, () => {
  test("is asked again, and the new answer stands in the old one's place, on the server too", async () => {
    const page = await chat();
    const told = mine({ say: "The first.", then: { say: "The second." } });
    await ask(page, told);
    await done(page);
    await press(page, "Answer again");
    await answer(page).filter({ hasText: "The second." }).waitFor();
    await done(page);
    assert.deepEqual(await questions(page), [text(told)]);
    assert.equal(await page.locator(".bot", { hasText: "The first." }).count(), 0);
    await until(async () => (await contents(page)).length === 2, "one turn on the server");
    assert.deepEqual(await contents(page), [text(told), "The second."]);
  });

  test("keeps its answer where asking again fails, and can be asked once more", async () => {
    const page = await chat();
    const told = mine({ say: "The first.", then: { fault: "401", then: { say: "The third." } } });
    await ask(page, told);
    await done(page);
    await press(page, "Answer again");
    await page.locator(".notice").waitFor();
    assert.equal(await answer(page).innerText(), "The first.");
    await press(page, "Try again");
    await answer(page).filter({ hasText: "The third." }).waitFor();
    assert.equal(await page.locator(".notice").count(), 0);
    await until(async () => (await contents(page)).length === 2, "one turn on the server");
    assert.deepEqual(await contents(page), [text(told), "The third."]);
  });

  test("is asked otherwise: the old question is in the field, and makes way", async () => {
    const page = await chat();
    await ask(page, "How long is the delivery?");
    await done(page);
    await page.locator("textarea").fill("A draft");
    await press(page, "Edit");
    assert.equal(await page.locator("textarea").inputValue(), "How long is the delivery?");
    const told = mine({ say: "Two days." });
    await ask(page, told);
    await answer(page).filter({ hasText: "Two days." }).waitFor();
    await done(page);
    assert.deepEqual(await questions(page), [text(told)]);
    assert.equal(await page.locator("textarea").inputValue(), "A draft");
    await until(async () => (await contents(page)).length === 2, "one turn on the server");
  });

  test("is left as it is where the edit is given up, by Escape too, which leaves the chat open", async () => {
    const page = await chat();
    await ask(page, "How long is the delivery?");
    await done(page);
    for (const end of [() => press(page, "Cancel"), () => page.keyboard.press("Escape")]) {
      await press(page, "Edit");
      await page.locator("textarea").fill("Something else");
      await end();
      assert.equal(await page.locator("textarea").inputValue(), "");
      assert.ok(await page.locator(".panel").isVisible());
      assert.deepEqual(await questions(page), ["How long is the delivery?"]);
    }
  });

  test("alone can be changed: an earlier one keeps copying and rating", async () => {
    const page = await chat();
    for (const told of [mine({ say: "One." }), mine({ say: "Two." })]) {
      await ask(page, told);
      await answer(page).filter({ hasText: told.say }).waitFor();
      await page.locator(".bot").last().locator(".actions").waitFor();
    }
    const names = (n) => page.locator(".bot:has(.actions)").nth(n).locator(".actions .icon").evaluateAll((all) => all.map((node) => node.ariaLabel));
    assert.deepEqual(await names(0), ["Copy answer", "Helpful", "Not helpful"]);
    assert.deepEqual(await names(1), ["Copy answer", "Answer again", "Helpful", "Not helpful"]);
    assert.equal(await page.getByRole("button", { name: "Edit", exact: true }).count(), 1);
  });

  test("that failed is tried again in its own place, here and on the server", async () => {
    const page = await chat();
    const told = mine({ fault: "401", then: { say: "Now it works." } });
    await ask(page, told);
    await press(page, "Try again");
    await answer(page).filter({ hasText: "Now it works." }).waitFor();
    await done(page);
    assert.deepEqual(await questions(page), [text(told)]);
    await until(async () => (await contents(page)).length === 2, "one turn on the server");
  });
});

describe("an answer", IN_CHROMIUM, () => {
  const citations = [{ id: "a", n: 1, title: "Teas", url: "https://shop.example/teas", place: "p. 3", text: "Three." }];

  test("is copied as Markdown, with its sources", async () => {
    const page = await chat({ permissions: ["clipboard-read", "clipboard-write"] });
    await ask(page, mine({ say: "**Three** teas [1].", citations }));
    await done(page);
    await press(page, "Copy answer");
    await page.locator(".actions", { hasText: "Copied" }).waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(copied, "**Three** teas [1].\n\nSources:\n\n[1] Teas, p. 3 <https://shop.example/teas>  ");
  });

  test("is rated with a word, where the visitor has one", async () => {
    const page = await chat();
    await ask(page, "How long is the delivery?");
    await done(page);
    await press(page, "Not helpful");
    const field = page.getByRole("textbox", { name: "What was wrong? (optional)" });
    await field.fill("Too long");
    const sent = page.waitForRequest((r) => r.url().endsWith("/feedback") && r.postData()?.includes("comment"));
    await field.press("Enter");
    const body = (await sent).postDataJSON();
    assert.deepEqual([body.rating, body.comment], ["down", "Too long"]);
    await page.locator(".why").waitFor({ state: "detached" });
    await press(page, "Not helpful");
    await until(async () => (await page.locator(".actions [role=status]").last().textContent()) === "", "the rating taken back");
    assert.equal(await page.locator(".why").count(), 0);
  });

  test("is followed by the owner's questions that were not asked yet", async () => {
    const page = await chat();
    await page.getByRole("button", { name: "Which tea has no caffeine?" }).click();
    await done(page);
    const next = page.getByRole("group", { name: "You could ask" });
    assert.deepEqual(await next.getByRole("button").allInnerTexts(), ["How long is the delivery?"]);
    await next.getByRole("button").click();
    await page.locator(".bot").nth(2).locator(".actions").waitFor();
    assert.equal(await next.count(), 0);
    assert.equal(await page.locator(".user").count(), 2);
  });

  test("that comes while the chat is closed is counted on its button, until it is opened", async () => {
    const page = await chat();
    await page.evaluate(() => (window.counts = []) && ChatbotWidget.on("unread", ({ count }) => counts.push(count)));
    await ask(page, mine({ say: "word ".repeat(10), pace: 0.02 }));
    await page.locator(".bot .message-content", { hasText: "word word" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".badge", { hasText: "1" }).waitFor();
    assert.match(await page.locator(".launcher").getAttribute("aria-label"), /^Open chat, 1 new/);
    await page.evaluate(() => ChatbotWidget.addBotMessage("From the page."));
    await page.locator(".badge", { hasText: "2" }).waitFor();
    assert.deepEqual(await page.evaluate(() => counts), [1, 2]);
    await page.locator(".launcher").click();
    await page.locator(".badge").waitFor({ state: "detached" });
    assert.equal(await page.locator(".launcher").getAttribute("aria-label"), "Open chat");
  });

  test("is gone to by Alt+End, also out of the field", async () => {
    const page = await chat();
    await ask(page, mine({ say: Array.from({ length: 60 }, (_, n) => `Line ${n}.`).join("\n\n") }));
    await done(page);
    await page.locator("textarea").press("Alt+End");
    await page.waitForFunction(() => document.querySelector("chatbot-widget").shadowRoot.activeElement?.matches(".bot"));
    await page.locator(".to-end").waitFor({ state: "hidden" });
  });
});

describe("the network", IN_CHROMIUM, () => {
  test("that is away is said above the field, and no more when it is back", async () => {
    const page = await chat();
    await ask(page, "How long is the delivery?");
    await done(page);
    await context.setOffline(true);
    await page.locator(".banner", { hasText: "You are offline" }).waitFor();
    await context.setOffline(false);
    await page.locator(".banner", { hasText: /^$/ }).waitFor({ state: "attached" });
  });
});

describe("the next page", IN_CHROMIUM, () => {
  const citations = [{ id: "a", n: 1, title: "Teas", url: "https://shop.example/teas", place: "p. 3", text: "Three." }];

  test("has what was said before, with sources and ratings, and goes on with it", async () => {
    const page = await chat();
    await ask(page, mine({ say: "Three **teas** [1].", citations }));
    await done(page);
    await press(page, "Helpful");
    await page.locator(".actions", { hasText: "Thank you." }).waitFor();
    await page.reload();
    await page.locator(".launcher").click();
    await page.locator(".past .bot strong, .bot strong", { hasText: "teas" }).last().waitFor();
    await page.getByRole("button", { name: "Source 1: Teas, p. 3" }).click();
    await page.locator(".sources details[open]").waitFor();
    assert.equal(await page.getByRole("button", { name: "Helpful", exact: true }).getAttribute("aria-pressed"), "true");
    await ask(page, mine({ say: "And more." }));
    await answer(page).filter({ hasText: "And more." }).waitFor();
    await until(async () => (await contents(page)).length === 4, "two turns on the server");
  });

  test("can ask the last question again, and tells an answer that was broken off", async () => {
    const page = await chat();
    const told = mine({ fault: "cut", tokens: 12, then: { say: "All of it." } });
    await ask(page, told);
    await page.locator(".notice").waitFor();
    await page.reload();
    await page.locator(".launcher").click();
    await page.locator(".notice", { hasText: "broke off" }).waitFor();
    await press(page, "Answer again");
    await answer(page).filter({ hasText: "All of it." }).waitFor();
    assert.deepEqual(await questions(page), [text(told)]);
    await until(async () => (await contents(page)).length === 2, "one turn on the server");
  });

  test("begins anew where the conversation is gone", async () => {
    const page = await chat();
    await ask(page, "How long is the delivery?");
    await done(page);
    await page.evaluate(async ([base, key]) => {
      const { session, conversation } = JSON.parse(localStorage.getItem(`chatbot:${key}`));
      await fetch(`${base}/api/v1/conversations/${conversation}`, { method: "DELETE", headers: { Authorization: `Bearer ${key}`, "X-Session-ID": session } });
    }, [server.base, server.keys.shop]);
    await page.reload();
    const answered = page.waitForResponse((r) => /conversations\/conv_/.test(r.url()));
    await page.locator(".launcher").click();
    assert.equal((await answered).status(), 404);
    await page.locator(".panel h2", { hasText: "Tea shop" }).waitFor();
    await until(async () => !(await page.locator(".notice").count()), "nothing said of it");
    assert.equal(await page.locator(".user").count(), 0);
  });

  test("says that earlier messages did not come, and gets them when asked", async () => {
    const page = await chat();
    await ask(page, mine({ say: "It is here." }));
    await done(page);
    await page.reload();
    await page.route(/conversations\/conv_/, (route) => route.abort());
    await page.locator(".launcher").click();
    await page.locator(".notice", { hasText: "could not be shown" }).waitFor();
    await page.unroute(/conversations\/conv_/);
    await press(page, "Try again");
    await answer(page).filter({ hasText: "It is here." }).waitFor();
  });

  test("shows the newest of 500 messages at once, and earlier ones on a press, without moving what is read", async () => {
    const page = await chat();
    await ask(page, mine({ say: "It is here." }));
    await done(page);
    await page.route(/conversations\/conv_/, async (route) => {
      const response = await route.fetch();
      const found = await response.json();
      const [question, answered] = found.messages;
      found.messages = Array.from({ length: 250 }, (_, n) => [{ ...question, id: `q${n}`, content: `Question ${n}` }, { ...answered, id: `a${n}`, content: `Answer **${n}**, which is of some length. `.repeat(6) }]).flat();
      await route.fulfill({ response, json: found });
    });
    await page.reload();
    await page.locator(".launcher").click();
    await page.locator(".bot strong", { hasText: "249" }).first().waitFor();
    assert.equal(await page.locator(".user").count(), 10);
    await page.locator(".transcript").evaluate((node) => (node.scrollTop = 0));
    await page.locator(".transcript").evaluate((node) => new Promise((done) => node.addEventListener("scroll", done, { once: true }) || requestAnimationFrame(() => setTimeout(done, 50))));
    const place = () => page.locator(".user", { hasText: "Question 240" }).evaluate((node) => node.getBoundingClientRect().top);
    const before = await place();
    await press(page, "Earlier messages");
    await page.locator(".user", { hasText: "Question 230" }).waitFor({ state: "attached" });
    assert.ok(Math.abs((await place()) - before) < 60, `${before} ${await place()}`);
    for (let n = 0; n < 23; n++) await page.getByRole("button", { name: "Earlier messages" }).press("Enter");
    assert.equal(await page.locator(".user").count(), 250);
    assert.equal(await page.getByRole("button", { name: "Earlier messages" }).count(), 0);
    assert.deepEqual((await questions(page)).slice(0, 2), ["Question 0", "Question 1"]);
  });
});

describe("two tabs", IN_CHROMIUM, () => {
  /** Both open on the same page of the site, before anything was said. */
  async function two() {
    const first = await chat({ path: "/two" });
    const second = await chat({ same: true, path: "/two" });
    return [first, second];
  }

  test("show the same question and answer as it grows; it is asked once", async () => {
    const [first, second] = await two();
    const told = mine({ say: `${"one two three ".repeat(12)}[1].`, chunk: 4, pace: 0.05, citations: [{ id: "a", n: 1, title: "Teas", url: "", place: "", text: "x" }] });
    await ask(first, told);
    await answer(second).filter({ hasText: /^one two/ }).waitFor();
    assert.ok(!(await answer(second).innerText()).endsWith("1."));
    await second.getByRole("button", { name: "Stop the answer" }).waitFor();
    await done(second);
    assert.equal(await answer(second).innerText(), await answer(first).innerText());
    assert.equal((await server.seen())[text(told)], 1);
    await second.getByRole("button", { name: "Source 1: Teas" }).waitFor();
    await press(second, "Helpful");
    await second.locator(".actions", { hasText: "Thank you." }).waitFor();
  });

  test("go on with one conversation, from either", async () => {
    const [first, second] = await two();
    await ask(first, mine({ say: "The first." }));
    await done(second);
    await ask(second, mine({ say: "The second." }));
    await answer(first).filter({ hasText: "The second." }).waitFor();
    await until(async () => (await contents(first)).length === 4, "both turns in one conversation");
    await press(second, "Answer again");
    await until(async () => (await first.locator(".user").count()) === 2, "no question twice");
  });

  test("can stop an answer that the other one gets", async () => {
    const [first, second] = await two();
    await ask(first, mine({ say: "word ".repeat(400), chunk: 5, pace: 0.05 }));
    await answer(second).filter({ hasText: "word word" }).waitFor();
    await press(second, "Stop the answer");
    await first.locator(".notice", { hasText: "Stopped" }).waitFor();
    await second.locator(".notice", { hasText: "Stopped" }).waitFor();
  });

  test("a tab that comes meanwhile shows what is under way", async () => {
    const first = await chat({ path: "/two" });
    await ask(first, mine({ say: "Before." }));
    await done(first);
    await ask(first, mine({ say: "word ".repeat(60), chunk: 5, pace: 0.05 }));
    await answer(first).filter({ hasText: "word word word" }).waitFor();
    const second = await chat({ same: true, path: "/two" });
    await answer(second).filter({ hasText: "word word word" }).waitFor();
    await second.getByText("Before.", { exact: true }).first().waitFor();
    await done(first);
    await until(async () => (await answer(second).innerText()) === (await answer(first).innerText()), "the same text");
    assert.equal(await second.locator(".user").count(), 2);
  });

  test("an answer whose tab was closed is told as broken off, and the field is free", async () => {
    const [first, second] = await two();
    await ask(first, mine({ say: "word ".repeat(400), chunk: 5, pace: 0.05 }));
    await answer(second).filter({ hasText: "word word" }).waitFor();
    await first.close();
    await second.locator(".notice", { hasText: "broke off" }).waitFor();
    await second.getByRole("button", { name: "Send", exact: true }).waitFor();
  });

  test("are both emptied by a new conversation, a deletion and a shutdown in one", async () => {
    const [first, second] = await two();
    for (const end of [() => ChatbotWidget.newConversation(), () => ChatbotWidget.forgetConversation(), () => ChatbotWidget.shutdown()]) {
      await ask(first, mine({ say: "It is here." }));
      await second.locator(".bot .actions").last().waitFor();
      await first.evaluate(end);
      await until(async () => !(await second.locator(".user").count()), "emptied");
    }
    assert.equal(await second.evaluate(() => localStorage.length), 0);
  });
});

describe("the menu", IN_CHROMIUM, () => {
  test("begins a new conversation; the old one stays on the server", async () => {
    const page = await chat();
    await ask(page, mine({ say: "The old one." }));
    await done(page);
    const before = await page.evaluate((key) => JSON.parse(localStorage.getItem(`chatbot:${key}`)), server.keys.shop);
    await press(page, "More");
    await press(page, "New conversation");
    await until(async () => !(await page.locator(".user").count()), "emptied");
    await page.locator(".suggestions").waitFor();
    await ask(page, mine({ say: "The new one." }));
    await done(page);
    const after = await page.evaluate((key) => JSON.parse(localStorage.getItem(`chatbot:${key}`)), server.keys.shop);
    assert.equal(after.session.length, before.session.length);
    assert.notEqual(after.conversation, before.conversation);
    assert.equal((await contents(page)).length, 2);
  });

  test("forgets a conversation on the server, once it was asked twice, and shows the receipt", async () => {
    const page = await chat();
    await ask(page, mine({ say: "A secret." }));
    await done(page);
    const asking = async () => {
      await press(page, "More");
      await press(page, "Forget this conversation");
    };
    await asking();
    await press(page, "Keep");
    assert.equal(await page.locator(".user").count(), 1);
    await asking();
    const gone = page.waitForResponse((r) => r.request().method() === "DELETE");
    await press(page, "Delete");
    const receipt = await (await gone).json();
    assert.deepEqual(receipt.removed, { conversations: 1, messages: 2, feedback: 0 });
    await page.locator(".notice", { hasText: /Deleted: 1 conversation and 2 messages/ }).waitFor();
    assert.equal(await page.locator(".user").count(), 0);
    assert.equal(await page.evaluate((key) => JSON.parse(localStorage.getItem(`chatbot:${key}`)).conversation, server.keys.shop), undefined);
  });

  test("says where it could not be deleted, and keeps it", async () => {
    const page = await chat();
    await ask(page, mine({ say: "A secret." }));
    await done(page);
    await page.route(/conversations\/conv_/, (route) => route.abort());
    await press(page, "More");
    await press(page, "Forget this conversation");
    await press(page, "Delete");
    await page.locator(".notice", { hasText: "could not be deleted" }).waitFor();
    assert.equal(await page.locator(".user").count(), 1);
  });

  test("is left by Escape, which gives the focus back and leaves the chat open", async () => {
    const page = await chat();
    await page.getByRole("button", { name: "More" }).press("Enter");
    await page.getByRole("button", { name: "New conversation" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "More" }).getAttribute("aria-expanded"), "true");
    await page.keyboard.press("Escape");
    await page.locator(".menu").waitFor({ state: "detached" });
    assert.ok(await page.locator(".panel").isVisible());
    assert.equal(await page.evaluate(() => document.querySelector("chatbot-widget").shadowRoot.activeElement.ariaLabel), "More");
  });

  test("has answers read sentence by sentence, on the next page too; never word by word", async () => {
    const page = await chat();
    await press(page, "More");
    await press(page, "Read answers aloud sentence by sentence");
    const watch = () => page.evaluate(() => {
      window.spoken = [];
      const status = document.querySelector("chatbot-widget").shadowRoot.querySelector(".panel > .sr[role=status]");
      new MutationObserver(() => spoken.push(status.textContent)).observe(status, { childList: true, characterData: true, subtree: true });
    });
    const say = "The first sentence is here. The second one comes now. The third one ends it. And a fourth. And the fifth one.";
    await watch();
    await ask(page, mine({ say, chunk: 4, pace: 0.12 }));
    await done(page);
    const spoken = (await page.evaluate(() => window.spoken)).filter((text) => !/^Answer/.test(text));
    assert.ok(spoken.length >= 2 && spoken.length <= 6, JSON.stringify(spoken));
    for (const text of spoken) assert.match(text, /^[TA].*\.$/);
    assert.ok(say.startsWith(spoken.join(" ")), JSON.stringify(spoken));
    await page.reload();
    await page.locator(".launcher").click();
    await press(page, "More");
    assert.equal(await page.getByRole("button", { name: /sentence/ }).getAttribute("aria-pressed"), "true");
  });
});

test("100 KB that are pasted are a question like any other", IN_CHROMIUM, async () => {
  const page = await chat({ permissions: ["clipboard-read", "clipboard-write"] });
  const long = "Tea and more tea. ".repeat(5700);
  await page.evaluate((long) => navigator.clipboard.writeText(long), long);
  await page.locator("textarea").focus();
  await page.keyboard.press("Control+V");
  assert.equal((await page.locator("textarea").inputValue()).length, long.length);
  await page.keyboard.press("Enter");
  await done(page);
  assert.equal((await page.locator(".user .message-content").innerText()).length, long.trim().length);
});

describe("the page", IN_CHROMIUM, () => {
  test("is told of an answer's times, of ratings and of conversations", async () => {
    const page = await chat();
    await page.evaluate(() => {
      window.told = [];
      for (const type of ["answer", "feedback", "conversation"]) ChatbotWidget.on(type, (detail) => told.push([type, detail]));
    });
    await ask(page, mine({ say: "It is here." }));
    await done(page);
    await press(page, "Helpful");
    await page.locator(".actions", { hasText: "Thank you." }).waitFor();
    await page.evaluate(() => ChatbotWidget.newConversation());
    await until(() => page.evaluate(() => told.length === 3), "three events");
    const [[, { timings, messageId }], [, feedback], [, conversation]] = await page.evaluate(() => told);
    assert.ok(timings.firstByteMs > 0 && timings.completeMs >= timings.firstByteMs);
    assert.deepEqual([feedback, conversation], [{ messageId, rating: "up" }, { receipt: null }]);
  });

  test("can have answers read by sentences for all of its visitors, with nothing stored", async () => {
    const page = await chat({ more: 'data-announce="sentences"' });
    await page.getByRole("button", { name: "More" }).click();
    assert.equal(await page.getByRole("button", { name: /sentence/ }).getAttribute("aria-pressed"), "true");
    assert.equal(await page.evaluate(() => localStorage.length), 0);
  });

  test("says who its visitor is, by an option", async () => {
    const page = await chat({ more: 'data-visitor-token="from-the-site"' });
    const sent = page.waitForRequest((r) => r.url().endsWith("/chat/completions") && r.method() === "POST");
    await ask(page, "How long is the delivery?");
    assert.equal((await sent).headers()["x-visitor-token"], "from-the-site");
  });

  test("that asks for consent has the newest answer asked for again in its place all the same", async () => {
    const page = await chat({ more: "data-consent" });
    await page.getByRole("button", { name: "Agree and start" }).click();
    const told = mine({ say: "The first.", then: { say: "The second." } });
    await ask(page, told);
    await done(page);
    await press(page, "Answer again");
    await answer(page).filter({ hasText: "The second." }).waitFor();
    await done(page);
    assert.deepEqual(await questions(page), [text(told)]);
    await until(async () => (await contents(page)).length === 2, "one turn on the server");
  });
});
