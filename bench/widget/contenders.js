/**
 * What runs in the page of rendering.mjs: two ways to show an answer that grows. `common` is what most chats do: all that
 * has come is parsed, made safe and put in anew with each piece. `ours` is the widget's renderer, set up as the widget does.
 */
import DOMPurify from "dompurify";
import { marked } from "marked";

import { MarkdownRenderer } from "../../static/widget/src/markdown/index.js";
import { copyButton } from "../../static/widget/src/messages.js";
import { sheet } from "../../static/widget/src/styles.js";
import { WORDS } from "../../static/widget/src/words.js";

document.adoptedStyleSheets = [sheet()];

const ways = {
  /** @param {HTMLElement} column */
  common(column) {
    let text = "";
    const write = (/** @type {string} */ delta) => {
      text += delta;
      column.innerHTML = DOMPurify.sanitize(/** @type {string} */ (marked.parse(text)));
    };
    return { write, end() {} };
  },
  /** @param {HTMLElement} column */
  ours(column) {
    const copy = (/** @type {() => string} */ text) => copyButton(text, WORDS);
    return new MarkdownRenderer(column, { citation: () => null, copy, words: { image: WORDS.image } });
  },
};

/** @param {keyof typeof ways} way */
function begin(way) {
  const column = document.createElement("div");
  column.className = "message-content";
  column.style.width = "400px";
  document.body.replaceChildren(column);
  return { column, writer: ways[way](column) };
}

/** @param {string} text @param {number} size */
function* pieces(text, size) {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

/** Milliseconds of each flush, layout and all, and of all that is not layout. @param {keyof typeof ways} way @param {string} text @param {number} size */
export function timed(way, text, size) {
  const { column, writer } = begin(way);
  const flushes = [];
  let writing = 0;
  for (const piece of pieces(text, size)) {
    const from = performance.now();
    writer.write(piece);
    writing += performance.now() - from;
    column.getBoundingClientRect();
    flushes.push(performance.now() - from);
  }
  writer.end();
  return { flushes, writing };
}

/** Nodes that were put into the page, and those that are left. @param {keyof typeof ways} way @param {string} text @param {number} size */
export function counted(way, text, size) {
  const { column, writer } = begin(way);
  const watch = new MutationObserver(() => {});
  let made = 0;
  watch.observe(column, { childList: true, subtree: true });
  const take = () => {
    const seen = new Set();
    watch.takeRecords().forEach(({ addedNodes }) => addedNodes.forEach((node) => count(node, seen)));
    made += seen.size;
  };
  for (const piece of pieces(text, size)) {
    writer.write(piece);
    take();
  }
  writer.end();
  take();
  const left = new Set();
  count(column, left);
  return { made, left: left.size - 1 };
}

/** @param {Node} node @param {Set<Node>} seen to which it and all in it are added */
function count(node, seen) {
  seen.add(node);
  for (const child of node.childNodes) count(child, seen);
}
