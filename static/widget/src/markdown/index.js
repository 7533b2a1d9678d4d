/**
 * Markdown that is still being written, as DOM nodes. Nothing is ever parsed as HTML: each node is made by itself, so what a
 * model writes can't become an element that was not meant here, and pages that require Trusted Types need no policy.
 *
 * A finished block is never touched again. Of the open one only the end changes, and it changes alike however the text is cut:
 * what is shown at the end is what the whole text would have given at once.
 *
 * text -> lines (here) -> blocks.js -> leaves.js -> inline.js -> scanner.js -> nodes.js
 * @import { Target } from "./links.js"
 */
import { Blocks } from "./blocks.js";

/**
 * @typedef {{image?: string, done?: string, open?: string}} Words
 * @typedef {object} Options
 * @property {(n: number) => Node | null | undefined} [citation] a new node that stands for [n] in the text; nothing if there is no such source
 * @property {(getText: () => string) => Node | null | undefined} [copy] a button for a block of code; getText gives all of it that has come
 * @property {Words} [words]
 * @property {string} [baseURI] the page's, if it is not the document's
 * @property {string} [lang] the page's language: blocks in others are marked
 * @typedef {Options & {document: Document, words: Words, references: Map<string, Target>, cited: Set<number>}} Context
 */

export class MarkdownRenderer {
  #held = "";
  #blocks;

  /** @param {HTMLElement} root @param {Options} [options] */
  constructor(root, options = {}) {
    const document = root.ownerDocument;
    const words = { image: "Image", done: "Done", open: "To do", ...options.words };
    this.#blocks = new Blocks(root, { baseURI: document.baseURI, ...options, document, words, references: new Map(), cited: new Set() });
  }

  /** @param {string} text what has come since the last call */
  write(text) {
    const all = this.#held + text;
    const end = all.length - +/[\r\ud800-\udbff]$/.test(all);
    this.#held = all.slice(end);
    this.#lines(all.slice(0, end));
  }

  /** No more will come. */
  end() {
    this.#lines(this.#held);
    this.#blocks.end();
  }

  /** @param {string} text */
  #lines(text) {
    const lines = text.replace(/\0/g, "\ufffd").split(/\r\n?|\n/);
    lines.forEach((line, i) => this.#blocks.write(line, i < lines.length - 1));
  }
}

/** @param {HTMLElement} root @param {string} text @param {Options} [options] */
export function render(root, text, options) {
  const renderer = new MarkdownRenderer(root, options);
  renderer.write(text);
  renderer.end();
}
