/**
 * However a text is cut, the same stands there in the end, and what is finished is left alone.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import spec from "commonmark-spec";
import { MarkdownRenderer } from "../../../static/widget/src/markdown/index.js";
import { answer, HOSTILE } from "./corpus.js";
import { BASE, document, page, rendered, streamed } from "./page.js";

const examples = spec.tests.map(({ markdown }) => markdown.replace(/→/g, "\t"));
const hostile = Object.values(HOSTILE).flatMap((make) => [make(200), `${make(150)}x y\n\nz`]);
const short = [
  "日本語**「強調」**です。😀**あ**\r\nb\rc 👩‍👩‍👧 *d*", "[1][2] and [2, 9], 【1†a】 [3](https://a.b) [4]: x", "a@b.example, (https://a.b/c(d)). www.a.b", "```js\na\n``\n```\nb",
  "a\n| b | c\\|d |\n|:-:|--|\n| `e` | f | g |\n|h\n\ni", "- [ ] a\n- [x] b\n  - [c](d)\n\n\n  e", "[a]: /b 'c'\n[d]: e\nf [a] [d]", "| a |\n| b |\n=\n", "# a #\n## b ##c\n### d \\#",
  "<https://a.b> <br>c<br/> <b> a<b", "&amp;&#x41;&nope; &am", "![a](b.png) [![c](d.png)](e) ![f", "\0a\tb\n\n\tc\n\n\n\td\n",
];

/** @param {number} n */
const sourceElement = (n) => (n > 4 ? null : Object.assign(document.createElement("sup"), { textContent: String(n) }));
const options = { citation: sourceElement, copy: () => document.createElement("button") };

/** A sequence of pieces, the same for the same seed. @param {string} text @param {number} seed */
function cut(text, seed) {
  const pieces = [];
  for (let i = 0, state = seed; i < text.length; i += pieces[pieces.length - 1].length) {
    state = (state * 1103515245 + 12345) % 2147483648;
    pieces.push(text.slice(i, i + 1 + (state % 9)));
  }
  return pieces;
}

/** @type {Map<string, string>} */
const wholes = new Map();

/** @param {string} text */
function whole(text) {
  if (!wholes.has(text)) wholes.set(text, rendered(text, options).innerHTML);
  return wholes.get(text);
}

/** @param {string} text @param {string[]} pieces */
function same(text, pieces) {
  assert.equal(streamed(pieces, options).innerHTML, whole(text), JSON.stringify(pieces.slice(0, 60)));
}

test("character by character", () => {
  for (const text of [...examples, ...short, ...hostile, answer(4000)]) same(text, text.split(""));
});

test("cut once, at each place", () => {
  for (const text of [...examples, ...short]) for (let i = 1; i < text.length; i++) same(text, [text.slice(0, i), text.slice(i)]);
});

test("cut at random places", () => {
  for (const text of [...examples, ...short, ...hostile, answer(3000)]) for (let seed = 1; seed < 4; seed++) same(text, cut(text, seed));
});

const PARTS = [
  "*", "**", "_", "~~", "`", "``", "[", "]", "](", "(", ")", "![", "!", "<", ">", "<https://a.b>", "https://a.b", "www.c.d", "x@y.z", "&amp;", "&", "\\", " ", "  ", "\n", "\n\n", "  \n", "a", "b1", "語", "「", "」",
  "# ", "## ", "- ", "* ", "1. ", "2) ", "> ", "```", "```js\n", "~~~", "\t", "    ", "|", "| a | b |\n|---|---|\n", "|-|", "---", "===", "[a]: b\n", "[a]", "[1]", "[2, 3]", "【1】", "- [ ] ", "\r\n", "\r", "😀", ":", '"', "<br>", "\u00a0",
];

test("marks in any order, character by character and cut once", () => {
  let state = 7;
  const random = (below) => ((state = (state * 1103515245 + 12345) % 2147483648), Math.floor(state / 65536) % below);
  for (let i = 0; i < 1500; i++) {
    const text = Array.from({ length: 3 + random(14) }, () => PARTS[random(PARTS.length)]).join("");
    const place = random(text.length);
    same(text, text.split(""));
    same(text, [text.slice(0, place), text.slice(place)]);
  }
});

test("no two texts are side by side, and none is empty", () => {
  for (const text of [...short, answer(4000)]) {
    const texts = [...descendants(streamed(cut(text, 7), options))].filter((node) => node.nodeType === 3);
    assert.ok(texts.every((node) => node.data && node.nextSibling?.nodeType !== 3));
  }
});

/** @param {Node} root @returns {Generator<Node>} */
function* descendants(root) {
  for (const child of root.childNodes) {
    yield child;
    yield* descendants(child);
  }
}

/** The element that holds a node and may still change: its top block, or in a list or quote the innermost. @param {Node} root */
function openLeaf(root) {
  let node = root.lastChild;
  while (node?.lastChild && /^(UL|OL|LI|BLOCKQUOTE|TABLE|TBODY|THEAD|TR)$/.test(node.nodeName)) node = node.lastChild;
  return node;
}

/** What stands outside of the open leaf. @param {Node} root */
function finished(root) {
  const leaf = openLeaf(root);
  return [...descendants(root)].filter((node) => node !== leaf && !leaf?.contains(node)).map((node) => ({ node, parent: node.parentNode, data: node.data }));
}

test("nothing outside of the open leaf is removed, moved or changed", () => {
  const root = page();
  const renderer = new MarkdownRenderer(root, { baseURI: BASE, ...options });
  for (const piece of cut(answer(6000), 3)) {
    const before = finished(root);
    renderer.write(piece);
    for (const { node, parent, data } of before) assert.ok(node.parentNode === parent && node.data === data, node.data);
  }
});

test("a text only grows, and by appendData", (t) => {
  const calls = watched(t);
  streamed("A paragraph that has no marks in it.\n\n```\ncode\nmore code\n```\n\n- an item".match(/[^]{1,3}/g) ?? []);
  assert.equal(calls.replaceData, 0);
  assert.equal(calls.made, 3);
  assert.ok(calls.appendData > 15);
});

/** Counts what is done to texts. @param {import("node:test").TestContext} t */
function watched(t) {
  const calls = { appendData: 0, replaceData: 0, made: 0 };
  const make = document.createTextNode.bind(document);
  t.mock.method(document, "createTextNode", (data) => {
    const node = make(data);
    calls.made++;
    for (const name of ["appendData", "replaceData"]) t.mock.method(node, name, (...all) => (calls[name]++, Object.getPrototypeOf(node)[name].apply(node, all)));
    return node;
  });
  return calls;
}
