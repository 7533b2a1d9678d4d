/**
 * Emphasis, decided as the text comes. A run of `*` that can close is matched with the nearest one before it that can
 * open, at once: what comes later never changes a match. So whatever stands where no opener is left is final.
 * Inside of an open bracket nothing is pushed until it is known whether that is a link, as links bind tighter.
 *
 * Flanking is CommonMark's with the CJK-friendly amendment: Japanese and Chinese put no space around `**「重要」**です`.
 * Source: https://github.com/tats-u/markdown-cjk-friendly
 * @import { Inline } from "./nodes.js"
 */
import { element, isText, merged } from "./nodes.js";

/** Deeper emphasis stays as it was written: the tree is walked by recursion. */
const DEEPEST = 16;
export const CJK = "\\p{scx=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Hang}\\u3000-\\u303f\\uff01-\\uffef";
const cjk = new RegExp(`[${CJK}]`, "u");
const mark = /[\p{P}\p{S}]/u;

/** A run of marks; its text is what is left of it. @typedef {{key: "", text: string, size: number, serial: number, opens: boolean, closes: boolean, bound: boolean, at: number}} Delimiter */

/** @param {string} c */
const blank = (c) => !c || /\s/.test(c);
/** @param {string} c */
const foreignMark = (c) => mark.test(c) && !cjk.test(c);
/** @param {string} c the character beyond @param {string} inner the one inside */
const flanks = (c, inner) => !blank(inner) && (!foreignMark(inner) || blank(c) || mark.test(c) || cjk.test(c));
/** Inside of a word: an opener there is shown as one only when its closer has come, as in `2*3`. @param {string} before */
export const inWord = (before) => /[\p{L}\p{N}_]/u.test(before) && !cjk.test(before);

/** @param {string} text a run of one character @param {string} before @param {string} after @returns {Delimiter} */
export function delimiter(text, before, after) {
  const left = flanks(before, after);
  const right = flanks(after, before);
  const strict = text[0] === "_";
  const opens = left && (!strict || !right || mark.test(before));
  const closes = right && (!strict || !left || mark.test(after));
  return { key: "", text, size: text.length, serial: 0, opens, closes, bound: inWord(before), at: 0 };
}

/** @param {Delimiter} opener @param {Delimiter} closer */
function fits(opener, closer) {
  if (opener.text[0] !== closer.text[0]) return false;
  if (opener.text[0] === "~") return opener.size === closer.size;
  const either = opener.closes || closer.opens;
  return !either || (opener.size + closer.size) % 3 > 0 || opener.size % 3 === 0;
}

/** @param {string} char @param {number} width */
const tagOf = (char, width) => (char === "~" ? "del" : width > 1 ? "strong" : "em");

export class Emphasis {
  /** @type {Inline[]} */
  nodes = [];
  /** @type {Delimiter[]} */
  open = [];
  #serial = 0;
  /** Below these there is no opener of that kind: without them 10,000 closers would each look through all. @type {Record<string, number>} */
  #floors = {};

  /** @param {(Inline | Delimiter)[]} tokens */
  constructor(tokens = []) {
    for (const token of tokens) this.push(token);
  }

  /** @param {Inline | Delimiter} token */
  push(token) {
    if (!("size" in token)) this.nodes.push(token);
    else {
      token.serial = ++this.#serial;
      while (token.closes && token.text && this.#close(token));
      if (token.text) this.#keep(token);
    }
  }

  /** @param {Delimiter} token */
  #keep(token) {
    token.at = this.nodes.push(token) - 1;
    if (token.opens) this.open.push(token);
  }

  /** @param {Delimiter} closer */
  #close(closer) {
    const kind = closer.text[0] + closer.opens + (closer.size % 3);
    const found = this.#opener(closer, this.#floors[kind] ?? 0);
    if (found < 0) this.#floors[kind] = closer.serial;
    else {
      const width = Math.min(this.open[found].text.length, closer.text.length, 2);
      if (this.#wrap(found, width)) return (closer.text = closer.text.slice(width)), true;
    }
    return false;
  }

  /** @param {Delimiter} closer @param {number} floor */
  #opener(closer, floor) {
    for (let i = this.open.length - 1; i >= 0 && this.open[i].serial >= floor; i--) if (fits(this.open[i], closer)) return i;
    return -1;
  }

  /** Puts all after an opener into an element. @param {number} index among the open ones @param {number} width */
  #wrap(index, width) {
    const opener = this.open[index];
    const children = this.nodes.slice(opener.at + 1);
    const depth = depthOf(children);
    if (depth > DEEPEST) return !!(this.open.length = 0);
    const tag = tagOf(opener.text[0], width);
    opener.text = opener.text.slice(width);
    const stays = opener.text ? 1 : 0;
    this.open.length = index + stays;
    this.nodes.length = opener.at + stays;
    if (children.length) this.nodes.push(element(tag, merged(children), {}, depth));
    return true;
  }

  /** Shows openers whose closers have not come as if they had. */
  guess() {
    for (let i = this.open.length; i--; ) {
      const opener = this.open[i];
      if (opener.bound || opener.size > 3) continue;
      while (opener.text) if (!this.#wrap(i, Math.min(opener.text.length, 2))) return;
    }
  }
}

/** Of an element with these children. @param {Inline[]} children */
export function depthOf(children) {
  let depth = 0;
  for (const node of children) if (!isText(node) && node.depth > depth) depth = node.depth;
  return depth + 1;
}
