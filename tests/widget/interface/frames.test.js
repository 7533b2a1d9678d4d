/** However fast an answer comes, a page lays it out once a frame: counted with frames that come when they are called for. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { parseHTML } from "linkedom";

import { countWords } from "../../../static/widget/src/more/summary.js";
import { Transcript } from "../../../static/widget/src/transcript.js";
import { WORDS } from "../../../static/widget/src/words.js";

/** What a browser answers by a layout, and what asks for one. */
let reads, writes, waiting, transcript;
beforeEach(() => {
  reads = writes = 0;
  waiting = [];
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  Object.assign(globalThis, { document, requestAnimationFrame: (work) => waiting.push(work) });
  transcript = new Transcript(WORDS);
  Object.defineProperties(transcript.node, {
    scrollHeight: { get: () => (reads++, 1000) },
    clientHeight: { get: () => (reads++, 100) },
    scrollTop: { get: () => (reads++, 900), set: () => writes++ },
  });
});

const frame = () => waiting.splice(0).forEach((work) => work());
const counted = () => ({ reads, writes });

/** An answer that has begun, and nothing counted yet. */
function begun() {
  const message = transcript.addAnswer();
  message.write("It");
  reads = writes = 0;
  return message;
}

test("what comes between two frames asks for no layout", () => {
  const message = begun();
  for (let n = 0; n < 1000; n++) message.write(" grows.");
  assert.deepEqual(counted(), { reads: 0, writes: 0 });
  assert.equal(waiting.length, 1);
});

test("a frame reads the layout once, and writes it once", () => {
  const message = begun();
  for (let n = 0; n < 10; n++) {
    for (let m = 0; m < 50; m++) message.write(" grows.");
    frame();
  }
  assert.deepEqual(counted(), { reads: 10, writes: 10 });
  assert.ok(message.content.textContent === `It${" grows.".repeat(500)}`);
});

test("a frame without words asks for none", () => {
  begun().write(" grows");
  frame();
  frame();
  assert.deepEqual(counted(), { reads: 1, writes: 1 });
  assert.equal(waiting.length, 0);
});

test("nothing stands beside more than a group of messages", () => {
  for (let n = 0; n < 250; n++) transcript.begin("And then?");
  const groups = [...transcript.node.children];
  assert.ok(Math.max(groups.length, ...groups.map(({ children }) => children.length)) <= 28);
  transcript.clear();
  transcript.begin("And then?");
  assert.equal(transcript.node.querySelectorAll(".message").length, 2);
});

test("words are counted without dictionaries, whose first use takes long", (context) => {
  const sought = context.mock.method(Intl, "Segmenter", () => assert.fail());
  const count = countWords;
  assert.equal(count("Don’t wait: it’s naïve, or 3 – 4 days. ".repeat(1000)), 8000);
  assert.equal(count("日本語の文章です。".repeat(1000)), 8000);
  assert.equal(sought.mock.callCount(), 0);
});
