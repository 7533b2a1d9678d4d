/**
 * What a reader sees while a text is being written: no marks of Markdown, and no missing characters where there are none.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MarkdownRenderer } from "../../../static/widget/src/markdown/index.js";
import { answer } from "./corpus.js";
import { BASE, document, half, page } from "./page.js";

/** What has come -> what is seen of it; `b:` and so on stand for elements. */
const HALF = {
  "a **bo": "a b:bo", "a **bold*": "a b:bold", "**bold**": "b:bold", "*it": "i:it", "_it": "i:it", "***both": "i:b:both", "~~gone": "s:gone", "~~gone~": "s:gone",
  "**a *b": "b:a i:b", "a `co": "a c:co", "``a`": "c:a", "a `": "a", "a **": "a", "**": "", "a *": "a", "a ~": "a", "a ~~": "a", "a !": "a", "a [": "a", "a ![": "a", "a \\": "a",
  "a [te": "a te", "a [text]": "a text", "a [text](": "a a:text", "a [text](htt": "a a:text", 'a [text](https://b.c "ti': "a a:text", "a [**b": "a b:b", "a [b][": "a [b]",
  "a ![al": "a al", "a ![alt](htt": "a alt", "see [1": "see", "see [1]": "see", "Paris[1, 2": "Paris", "a 【1": "a", "a <https://b": "a", "a &am": "a", "a https://b.c/d": "a a:https://b.c/d",
  "#": "", "##": "", "# ": "", "# Title": "h:Title", "# Title #": "h:Title", "Title\n=": "p:Title", "Title\n--": "p:Title", "-": "", "- ": "", "1": "", "1.": "", "1. ": "", "> ": "", "- [": "", "- [x": "", "- [x]": "",
  "|": "", "| a": "", "| a | b |": "", "| a | b |\n": "", "| a | b |\n|--": "", "a\n| b |": "p:a", "```": "", "```js": "", "~~~ js": "", "```js\na": "a", "```js\na\n``": "a\n",
  "日本語**強": "日本語b:強", "**「重要」**で": "b:「重要」で", "[te": "", "[a]: htt": "",
};
/** What is no Markdown, and is seen as it is. */
const PLAIN = [
  "a < b", "a <b c", "20~25", "$5 and $6 are", "snake_case_word", "2 * 3 is", "5*3 is", "a*b", "x = arr[i", "f(a, b", "3 > 2", "a | b", "1,000", "a # b", "a - b", "AT&T is", "100% of", "~24 hours", "a == b", "C:\\Users", "2026 was", "-5", "#tag",
];

const SHORT = { strong: "b:", em: "i:", del: "s:", code: "c:", a: "a:", h1: "h:" };

/** @param {Node} node @returns {string} */
function seen(node) {
  if (node.nodeType === 3) return node.data;
  if (node.className === "head") return "";
  const inner = [...node.childNodes].map(seen).join("");
  return node.parentNode?.localName === "pre" ? inner : (SHORT[node.localName] ?? "") + inner;
}

test("of half a mark there is nothing to see", () => {
  const found = Object.fromEntries(Object.keys(HALF).map((text) => [text, seen(half(text)).replace(/ $/, "")]));
  assert.deepEqual(found, Object.fromEntries(Object.entries(HALF).map(([text, shown]) => [text, shown.replace(/^p:/, "")])));
});

test("what is no Markdown stays as it is", () => {
  assert.deepEqual(PLAIN.map((text) => half(text).textContent), PLAIN);
});

test("at no time of an answer is there a mark to see", () => {
  const root = page();
  const renderer = new MarkdownRenderer(root, { baseURI: BASE, citation: () => document.createElement("sup") });
  for (const character of answer(3500).replaceAll("Big \\| huge", "Big")) {
    renderer.write(character);
    const text = prose(root);
    assert.doesNotMatch(text, /\*\*|`|\]\(|^#|\[text|\|[ -]|~~|!\[|^\d\. /m, text.slice(-200));
  }
});

/** All text but code and what was meant to be there. @param {Node} root */
function prose(root) {
  if (root.nodeType === 3) return root.data;
  return root.localName === "code" ? "" : [...root.childNodes].map(prose).join("");
}

test("what waits comes at the end", () => {
  for (const text of ["a **", "a *b", "a `b", "a [b", "a [b](c", "a ![b", "a ~~b", "| a | b |", "a &am", "a <https:", "12", "[a]: ", "a !", "a \\"]) {
    const root = page();
    const renderer = new MarkdownRenderer(root, { baseURI: BASE });
    renderer.write(text);
    renderer.end();
    assert.equal(root.textContent, text.trim());
  }
});
