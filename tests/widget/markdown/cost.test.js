/**
 * A text of twice the length costs twice as much, whatever is in it. Counted, not timed: how often each block of the renderer's
 * code is run (V8 counts them), how many characters its regular expressions go over, and how many nodes it makes.
 */
import assert from "node:assert/strict";
import { Session } from "node:inspector";
import { test } from "node:test";
import { MarkdownRenderer } from "../../../static/widget/src/markdown/index.js";
import { answer, HOSTILE } from "./corpus.js";
import { BASE, document, page } from "./page.js";

const session = new Session();
session.connect();

/** @param {string} method @param {object} [parameters] */
function post(method, parameters) {
  let answer;
  session.post(method, parameters, (error, result) => (answer = error ?? result));
  return answer;
}

post("Profiler.enable");
post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

/** Since it was last asked. */
function blocksRun() {
  const scripts = post("Profiler.takePreciseCoverage").result.filter(({ url }) => url.includes("/src/markdown/"));
  return scripts.flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges)).reduce((sum, { count }) => sum + count, 0);
}

let characters = 0;
const { exec } = RegExp.prototype;
/** @param {string} text */
RegExp.prototype.exec = function (text) {
  const from = this.global ? this.lastIndex : 0;
  const found = exec.call(this, text);
  characters += 1 + (this.sticky ? (found?.[0].length ?? 0) : found ? found.index + found[0].length - from : String(text).length - from);
  return found;
};

let made = 0;
for (const name of ["createElement", "createTextNode"]) {
  const make = document[name].bind(document);
  document[name] = (...all) => (made++, make(...all));
}

/** @param {Node} node @returns {number} */
const nodesIn = (node) => [...node.childNodes].reduce((sum, child) => sum + 1 + nodesIn(child), 0);

/** @param {string} text */
function cost(text) {
  const root = page();
  blocksRun();
  made = characters = 0;
  const renderer = new MarkdownRenderer(root, { baseURI: BASE });
  for (let i = 0; i < text.length; i += 4) renderer.write(text.slice(i, i + 4));
  renderer.end();
  return { work: characters + blocksRun(), made, final: nodesIn(root) };
}

for (const length of [20_000, 40_000]) {
  test(`an answer of ${length} characters makes few nodes that do not stay`, (t) => {
    const { made, final } = cost(answer(length));
    t.diagnostic(`${made} made, ${final} stay`);
    assert.ok(made <= 1.1 * final);
  });
}

/** The others are linear from the start; addresses have a longest length of 2,000, so below some times that they are not. */
const LONG = ["an answer", "an unclosed fence full of brackets", "stars", "open brackets", "one paragraph", "a paragraph full of emphasis", "a table", "quotes in quotes", "lists ever deeper", "links that end nowhere"];

for (const [name, make] of Object.entries({ "an answer": answer, ...HOSTILE })) {
  const length = LONG.includes(name) ? 40_000 : 8_000;
  test(`twice as much of ${name} costs twice as much`, (t) => {
    const [one, two] = [cost(make(length / 2)), cost(make(length))];
    t.diagnostic(`${(two.work / one.work).toFixed(2)} times; ${Math.round(two.work / length)} steps per character`);
    assert.ok(two.work <= 2.3 * one.work);
  });
}

test("nothing is nested so deep that walking it overflows", () => {
  for (const make of Object.values(HOSTILE)) assert.ok(depth(rendered(make(8000))) < 150);
});

/** @param {string} text */
function rendered(text) {
  const root = page();
  const renderer = new MarkdownRenderer(root, { baseURI: BASE });
  renderer.write(text);
  renderer.end();
  return root;
}

/** @param {Node} node @returns {number} */
const depth = (node) => 1 + Math.max(0, ...[...new Set([...node.childNodes].map(depth))]);
