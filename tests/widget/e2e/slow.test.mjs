/** The chat over bad lines: slow and lossy, cut in mid-answer, or behind a proxy that holds everything back. */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";

import { IN_CHROMIUM, inChromium, noteStates, pageWith, scripted, tag } from "./harness.mjs";
import { startBufferingProxy, startLine } from "./line.mjs";

let server, site, browser, context, line;
inChromium((...all) => ([server, site, browser] = all));
afterEach(async () => {
  await context?.close();
  line?.stop();
});

const WORDS = Array.from({ length: 150 }, (_, n) => `word${n}`).join(" ");

/** The open chat of a server at the other end of that line. */
async function chat({ base }) {
  context = await browser.newContext({ viewport: { width: 1000, height: 760 } });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  await page.goto(site.add("/", pageWith(tag({ ...server, base }))));
  await page.locator(".launcher").click();
  await page.locator(".panel h2:not(:empty)").waitFor();
  await page.evaluate(noteStates);
  return page;
}

async function ask(page, told) {
  await page.locator("textarea").fill(scripted(told));
  await page.locator("textarea").press("Enter");
}

const said = (page) => page.locator(".bot .message-content").last();
const status = (page) => page.locator(".panel > [role=status]").textContent();
const states = (page) => page.evaluate(() => window.states);

async function assertWhole(page) {
  await page.locator(".bot .actions").waitFor();
  assert.equal(await said(page).textContent(), WORDS);
  assert.equal(await status(page), "Answered, 150 words");
  assert.equal(await page.locator(".notice").count(), 0);
}

describe("a line of 400 ms each way that loses a packet in twenty", IN_CHROMIUM, () => {
  for (const seed of [1, 2]) {
    test(`brings an answer whole, in order and bit by bit (seed ${seed})`, async () => {
      line = await startLine(server.base, { delayMs: 400, loss: 0.05, seed });
      const page = await chat(line);
      await ask(page, { say: WORDS, chunk: 8, pace: 0.02, seed });
      await assertWhole(page);
      const seen = await states(page);
      assert.ok(seen.length > 5, String(seen.length));
      assert.ok(line.lost() > 0);
      for (const state of seen) assert.ok(WORDS.startsWith(state), state);
    });
  }
});

for (const how of ["reset", "close"]) {
  test(`a line that is cut in mid-answer (${how}): said so, what came stays, and it is gone on with once the line is back`, async () => {
    line = await startLine(server.base);
    const page = await chat(line);
    const told = { say: WORDS, chunk: 5, pace: 0.05, how };
    await ask(page, told);
    await said(page).filter({ hasText: "word9" }).waitFor();
    line.cut(how);
    await page.locator(".notice", { hasText: "The answer broke off." }).waitFor();
    const text = await said(page).textContent();
    assert.match(text, /^word0 word1 .*word9/);
    assert.ok(WORDS.startsWith(text) && text.length < WORDS.length);
    assert.equal(await status(page), "The answer broke off. What is here is not all of it.");
    assert.equal((await server.seen())[scripted(told)], 1);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.locator(".bot .actions").waitFor();
  });
}

test("a proxy that holds everything back until the end: the answer comes, late and all at once", IN_CHROMIUM, async () => {
  line = await startBufferingProxy(server.base);
  const page = await chat(line);
  await ask(page, { say: WORDS, chunk: 20, pace: 0.02 });
  await assertWhole(page);
  // The first words of what is there are shown at once, the rest in the next frame.
  assert.ok((await states(page)).length <= 3);
});
