/**
 * One reading of a piece of running text: token by token, what a character may begin is looked up in the rules.
 * It says how far what it found is final. Where more may come, what could become syntax stops the reading, and what is open
 * is closed as if it had ended here.
 * @import { Inline as Node, Text } from "./nodes.js"
 * @import { Delimiter } from "./emphasis.js"
 * @import { Context } from "./index.js"
 */
import { CJK, Emphasis, delimiter, depthOf, inWord } from "./emphasis.js";
import { entity } from "./entities.js";
import { image, link } from "./elements.js";
import { inlineTarget, labelKey, PARTIAL } from "./links.js";
import { element, isText, made, merged, plain, text } from "./nodes.js";

/** @typedef {{token: Text, index: number, at: number, image: number, active: number, bound: boolean}} Bracket */
/** @typedef {{href: string, title: string, end: number}} Found */

const WORD = /[A-Za-z0-9]{1,64}|[^A-Za-z0-9\s\\`*_~[\]!<&【]{1,64}|[^]/y;
/** GFM lets an address go on to the next space. Japanese and Chinese have none, so it ends where they begin. */
const ADDRESS = new RegExp(`(?:https?://|www\\.(?=\\w))[^\\s<${CJK}]*`, "iuy");
const MAIL = /[\w.+-]{1,64}@(?:[a-z\d-]+\.)+[a-z\d]+(?![\w-])/iy;
const GROWING = /(?:https?:\/?|[\w.+-]{1,64}(?:@[a-z\d.-]*)?)$/iy;
const ANGLE = /<(?:br *\/?|([a-z][a-z\d+.-]{1,31}:[^\s<>]*|([^\s<>@\\]+@[a-z\d.-]+)))>/iy;
/** Characters that begin the same. @type {Record<string, string>} */
const SAME = { _: "*", "~": "*", "\t": " ", "\n": " " };

/** @param {string} first before all @param {string} source @param {number} at */
export const characterBefore = (first, source, at) => [...(first + source.slice(Math.max(0, at - 2), at))].pop() ?? "";

/** @typedef {[whole: RegExp, half: RegExp | undefined, act: (scanner: Scanner, found: RegExpExecArray) => unknown]} Rule */

export class Scanner {
  /** Where what was found is final up to, and how many nodes that are. */
  settled = 0;
  count = 0;
  emphasis = new Emphasis();
  #at = 0;
  /** What has come since the first open bracket. @type {(Node | Delimiter)[]} */
  #pending = [];
  /** @type {Bracket[]} */
  #brackets = [];
  /** How many of them may still become something, and how many of those are images. */
  #active = 0;
  #images = 0;
  #stopped = false;
  #growing = false;
  #source;
  #complete;
  #first;
  #context;

  /**
   * What may begin with a character: all of it, what could become it when more comes, and what it means;
   * false is that it means nothing.
   * @type {Record<string, Rule>}
   */
  static #rules = {
    "\\": [/\\([!-/:-@[-`{-~]|\n)/y, /\\$/y, (scanner, found) => scanner.#escape(found)],
    "`": [/`+/y, /`+$/y, (scanner, found) => scanner.#code(found[0].length)],
    "<": [ANGLE, /<(?:[^\s<>]*|br *\/?)$/iy, (scanner, found) => scanner.#angle(found)],
    "&": [/&(#?\w{1,31});/y, /&#?\w{0,31}$/y, (scanner, found) => scanner.#entity(found)],
    "!": [/!\[/y, /!\[?$/y, (scanner) => scanner.#open("![")],
    "[": [/\[/y, /\[$/y, (scanner) => scanner.#open("[")],
    "]": [/]/y, undefined, (scanner) => scanner.#close()],
    "【": [/【(\d+)(?:†[^】\n]{0,99})?】/y, /【\d*(?:†[^】\n]{0,99})?$/y, (scanner, found) => scanner.#cite([+found[1]], found[0].length)],
    " ": [/[ \t]*(?:\n[ \t]*)?/y, /[ \t\n]+$/y, (scanner, found) => scanner.#space(found[0])],
    "*": [/([*_~])\1*/y, /([*_~])\1*$/y, (scanner, found) => scanner.#run(found[0])],
    a: [WORD, undefined, (scanner, found) => scanner.#word(found[0])],
  };

  /** @param {string} source @param {boolean} complete @param {string} before the character before it @param {Context} context */
  constructor(source, complete, before, context) {
    this.#source = source;
    this.#complete = complete;
    this.#first = before;
    this.#context = context;
    while (this.#at < source.length && !this.#stopped) this.#step();
    if (!complete) this.#hide();
    this.#active = 0;
    this.#flush();
    if (!complete) this.emphasis.guess();
  }

  #step() {
    if (!this.#active && !this.emphasis.open.length && !this.#growing) {
      this.settled = this.#at;
      this.count = this.emphasis.nodes.length;
    }
    const char = this.#source[this.#at];
    const [whole, half, act] = Scanner.#rules[SAME[char] ?? char] ?? Scanner.#rules.a;
    this.#stopped = !this.#complete && !!half && !!this.#look(half);
    const found = !this.#stopped && this.#look(whole);
    if (!this.#stopped && (!found || act(this, found) === false)) this.#literal(char);
  }

  get #before() {
    return characterBefore(this.#first, this.#source, this.#at);
  }

  /** @param {RegExp} sticky @param {number} [at] */
  #look(sticky, at = this.#at) {
    sticky.lastIndex = at;
    return sticky.exec(this.#source);
  }

  /** @param {Node | Delimiter} node @param {number} [width] of its source */
  #emit(node, width = 0) {
    this.#at += width;
    this.#pending.push(node);
    this.#flush();
  }

  /** @param {string} source shown as it is */
  #literal(source) {
    this.#emit(text(source), source.length);
  }

  #flush() {
    if (this.#active) return;
    this.#brackets = [];
    for (const token of this.#pending) this.emphasis.push(token);
    this.#pending = [];
  }

  /** @param {RegExpExecArray} found */
  #escape([, next]) {
    if (next === "\n") this.#lineEnd(true, 2);
    else this.#emit(text(next), 2);
  }

  /** @param {string} all */
  #space(all) {
    if (this.#at + all.length === this.#source.length) this.#stopped = true;
    else if (all.includes("\n")) this.#lineEnd(all.startsWith("  "), all.length);
    else this.#literal(all);
  }

  /** @param {boolean} hard @param {number} width */
  #lineEnd(hard, width) {
    if (hard) this.#emit(element("br"));
    this.#emit(text("\n"), width);
  }

  /** @param {RegExpExecArray} found */
  #entity([all, name]) {
    const character = entity(name);
    return !!character && this.#emit(text(character), all.length);
  }

  /** @param {string} run */
  #run(run) {
    const after = String.fromCodePoint(this.#source.codePointAt(this.#at + run.length) ?? 32);
    this.#emit(/^~(~~|$)/.test(run) ? text(run) : delimiter(run, this.#before, after), run.length);
  }

  /** @param {number} length of the back-ticks */
  #code(length) {
    const start = this.#at + length;
    const end = length < 32 && this.#closing(start, length);
    if (end) this.#emit(codeSpan(this.#source.slice(start, end)), end + length - this.#at);
    else if (this.#complete || length > 31) this.#literal("`".repeat(length));
    else this.#halfCode(this.#source.slice(start));
  }

  /** Runs have a longest length, so that few close nowhere: each of those is looked for to the end. @param {number} start @param {number} length */
  #closing(start, length) {
    const runs = /`+/g;
    runs.lastIndex = start;
    for (let run; (run = runs.exec(this.#source)); ) {
      const grows = !this.#complete && runs.lastIndex === this.#source.length;
      if (run[0].length === length && !grows) return run.index;
    }
    return 0;
  }

  /** @param {string} content */
  #halfCode(content) {
    let end = content.length;
    while (content[end - 1] === "`") end--;
    const shown = content.slice(0, end).trim();
    if (shown) this.#emit(codeSpan(shown));
    this.#stopped = true;
  }

  /** @param {RegExpExecArray} found */
  #angle([all, address, mail]) {
    if (!address) return this.#emit(element("br"), all.length);
    const [node] = link({ href: mail ? `mailto:${mail}` : address }, [text(address)], this.#context);
    this.#emit(isText(node) ? text(all) : node, all.length);
  }

  /** @param {string} word */
  #word(word) {
    if (/[A-Za-z0-9]/.test(this.#before) || !this.#address()) this.#literal(word);
  }

  /** Addresses that stand in the text. */
  #address() {
    const raw = this.#look(ADDRESS)?.[0];
    if (raw) return this.#bareURL(trimmed(raw), this.#at + raw.length);
    this.#growing ||= !this.#complete && !!this.#look(GROWING);
    const mail = !this.#growing && this.#look(MAIL)?.[0];
    return mail && this.#bareLink(`mailto:${mail}`, mail);
  }

  /** @param {string} shown @param {number} end */
  #bareURL(shown, end) {
    if (this.#complete || end < this.#source.length) return this.#bareLink(shown.replace(/^www/i, "http://$&"), shown);
    this.#emit(element("a", [text(shown)]));
    return (this.#stopped = true);
  }

  /** @param {string} href @param {string} shown */
  #bareLink(href, shown) {
    const [node] = link({ href }, [text(shown)], this.#context);
    if (!isText(node)) this.#emit(node, shown.length);
    return !isText(node);
  }

  /** @param {string} mark */
  #open(mark) {
    const token = text(mark);
    const image = mark.length - 1;
    this.#brackets.push({ token, index: this.#pending.length, at: this.#at + mark.length, image, active: 1, bound: inWord(this.#before) });
    this.#active++;
    this.#images += image;
    this.#emit(token, mark.length);
  }

  #close() {
    const bracket = this.#brackets.at(-1);
    const found = bracket?.active && this.#target(bracket);
    if (!found) this.#pop(), this.#fail(bracket);
    else if (found === PARTIAL) this.#showHalf(bracket);
    else this.#succeed(bracket, found);
  }

  #pop() {
    const bracket = this.#brackets.pop();
    this.#active -= bracket?.active ?? 0;
    this.#images -= bracket?.image ?? 0;
  }

  /** It is no link; but numbers of sources may stand in it. @param {Bracket | undefined} bracket */
  #fail(bracket) {
    const inside = bracket && !bracket.image ? this.#source.slice(bracket.at, this.#at) : "";
    if (!/^\d+(?:\s*,\s*\d+)*$/.test(inside) || !this.#cite(inside.split(",").map(Number), 1, bracket?.index)) this.#literal("]");
  }

  /** @param {number[]} numbers @param {number} width @param {number} [index] of what they stand for in what is pending */
  #cite(numbers, width, index) {
    const nodes = numbers.map((n) => citation(this.#context, n));
    if (nodes.every(isText)) return false;
    if (index != null) this.#pending.length = index;
    this.#at += width;
    for (const node of nodes) this.#emit(node);
    return true;
  }

  /** Takes away what stands in a bracket. @param {Bracket} bracket */
  #take({ index }) {
    return merged(new Emphasis(this.#pending.splice(index).slice(1)).nodes);
  }

  /** @param {Bracket} bracket @param {Found} found */
  #succeed(bracket, found) {
    const children = this.#take(bracket);
    this.#pop();
    this.#at = found.end;
    if (!bracket.image && this.#active > this.#images) this.#deactivate();
    for (const node of (bracket.image ? image : link)(found, children, this.#context)) this.#emit(node);
  }

  /** A link in a link is none. */
  #deactivate() {
    for (const bracket of this.#brackets) if (!bracket.image) bracket.active = 0;
    this.#active = this.#images;
  }

  /** @param {Bracket} bracket @returns {Found | typeof PARTIAL | null} */
  #target(bracket) {
    const after = this.#at + 1;
    if (after === this.#source.length && !this.#complete) return PARTIAL;
    const found = this.#source[after] === "(" ? inlineTarget(this.#source, after + 1, this.#complete) : null;
    return found ?? (this.#context.references.size ? this.#reference(this.#source.slice(bracket.at, this.#at), after) : null);
  }

  /** @param {string} own @param {number} after */
  #reference(own, after) {
    const [all, label] = this.#look(/\[((?:[^[\]\\]|\\[^]?){0,999})\]/y, after) ?? ["", ""];
    if (!all && !this.#complete && this.#look(/\[(?:[^[\]\\]|\\[^]?){0,999}$/y, after)) return PARTIAL;
    const found = own.length < 1000 ? this.#context.references.get(labelKey(label.trim() || own)) : undefined;
    return found ? { ...found, end: after + all.length } : null;
  }

  /** Takes open brackets out of sight. */
  #hide() {
    const last = this.#brackets.at(-1);
    if (last?.active && /^[\d,\s]*\]?$/.test(this.#source.slice(last.at))) this.#pending.length = last.index;
    for (const { token, active, bound } of this.#brackets) if (active && !bound) token.text = "";
  }

  /** Its address may have begun. @param {Bracket} bracket */
  #showHalf(bracket) {
    this.#stopped = true;
    if (this.#source[this.#at + 1] !== "(") return;
    const children = this.#take(bracket);
    this.#pop();
    this.#emit(bracket.image ? text(plain(children)) : element("a", children, {}, depthOf(children)));
  }
}

/** The text is read again and again, so that there is a source is remembered, and its node made when it is placed. @param {Context} context @param {number} n */
function citation({ cited, citation, document }, n) {
  const words = `[${n}]`;
  if (!citation || !(cited.has(n) || citation(n))) return text(words);
  cited.add(n);
  return made(`cite ${n}`, () => /** @type {ChildNode} */ (citation(n) ?? document.createTextNode(words)));
}

/** Without the punctuation that follows an address rather than belongs to it. @param {string} raw */
function trimmed(raw) {
  let end = raw.length;
  for (let excess = raw.split(")").length - raw.split("(").length; ; end--) {
    const last = raw[end - 1];
    if (!/[?!.,:;*_~'"]/.test(last) && (last !== ")" || excess-- <= 0)) return raw.slice(0, end);
  }
}

/** @param {string} content */
function codeSpan(content) {
  const flat = content.replace(/\n/g, " ");
  const padded = flat.startsWith(" ") && flat.endsWith(" ") && flat.trim();
  return element("code", [text(padded ? flat.slice(1, -1) : flat)], { dir: "ltr" });
}
