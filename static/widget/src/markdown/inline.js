/**
 * The text of one paragraph, heading or cell: what is bold, code, a link.
 *
 * It is read again from where it was last final each time it grows. A place is final if no bracket and no emphasis is
 * open before it and what stands there can't become longer: mostly that is the last word's start. Where something stays
 * open, it is read again only when it has grown by a 32nd, so that hostile text costs a constant per character.
 *
 * Before the end is known, what is open is shown as if it was closed, and what could become syntax waits.
 * @import { Inline as Node, Text } from "./nodes.js"
 * @import { Delimiter } from "./emphasis.js"
 * @import { Context } from "./index.js"
 */
import { CJK, Emphasis, delimiter, depthOf, inWord } from "./emphasis.js";
import { entity } from "./entities.js";
import { image, link } from "./elements.js";
import { inlineTarget, labelKey, PARTIAL } from "./links.js";
import { element, isText, made, merged, patch, plain, text } from "./nodes.js";

/** @typedef {{token: Text, index: number, at: number, image: boolean, active: boolean, bound: boolean}} Bracket */
/** @typedef {{href: string, title: string, end: number}} Found */

const WORD = /[A-Za-z0-9]{1,64}|[^A-Za-z0-9\s\\`*_~[\]!<&【]{1,64}|[^]/y;
/** GFM lets an address go on to the next space. Japanese and Chinese have none, so it ends where they begin. */
const ADDRESS = new RegExp(`(?:https?://|www\\.(?=\\w))[^\\s<${CJK}]*`, "iuy");
const MAIL = /[\w.+-]{1,64}@(?:[a-z\d-]{1,63}\.){1,4}[a-z\d]{1,63}(?![\w-])/iy;
const GROWING = /(?:https?:\/?|[\w.+-]{1,64}(?:@[a-z\d.-]{0,320})?)$/iy;
const ANGLE = /<([a-z][a-z\d+.-]{1,31}:[^\s<>]*|[\w.!#$%&'*+/=?^`{|}~-]+@[a-z\d.-]+)>/iy;

/** @param {string} first before all @param {string} source @param {number} at */
const characterBefore = (first, source, at) => [...(first + source.slice(Math.max(0, at - 2), at))].pop() ?? "";

class Scanner {
  /** Where what was found is final up to, and how many nodes that are. */
  settled = 0;
  count = 0;
  at = 0;
  emphasis = new Emphasis();
  /** What has come since the first open bracket. @type {(Node | Delimiter)[]} */
  pending = [];
  /** @type {Bracket[]} */
  brackets = [];
  /** How many of them may still become something, and how many of those are images. */
  active = 0;
  images = 0;
  stopped = false;
  growing = false;
  half = false;
  /** Lengths of back-tick runs that close nowhere. @type {Set<number>} */
  unclosed = new Set();

  /** @param {string} source @param {boolean} complete @param {string} before the character before it @param {Context} context */
  constructor(source, complete, before, context) {
    this.source = source;
    this.complete = complete;
    this.first = before;
    this.context = context;
    while (this.at < source.length && !this.stopped) this.step();
    if (!complete) this.hide();
    this.active = 0;
    this.flush();
    if (!complete) this.emphasis.guess();
  }

  step() {
    if (!this.active && !this.emphasis.open.length && !this.growing) {
      this.settled = this.at;
      this.count = this.emphasis.nodes.length;
    }
    (readers[this.source[this.at]] ?? word)(this);
  }

  get before() {
    return characterBefore(this.first, this.source, this.at);
  }

  /** @param {RegExp} sticky @param {number} [at] */
  look(sticky, at = this.at) {
    sticky.lastIndex = at;
    return sticky.exec(this.source);
  }

  /** Whether this could still become something when more has come. @param {RegExp} sticky that ends with $ */
  waits(sticky) {
    return !this.complete && !!this.look(sticky) && (this.stopped = true);
  }

  /** @param {Node | Delimiter} node @param {number} [width] of its source */
  emit(node, width = 0) {
    this.at += width;
    this.pending.push(node);
    this.flush();
  }

  /** @param {string} source shown as it is */
  literal(source) {
    this.emit(text(source), source.length);
  }

  flush() {
    if (this.active) return;
    this.brackets = [];
    for (const token of this.pending) this.emphasis.push(token);
    this.pending = [];
  }

  /** @param {boolean} image */
  open(image) {
    const token = text(image ? "![" : "[");
    this.brackets.push({ token, index: this.pending.length, at: this.at, image, active: true, bound: inWord(this.before) });
    this.active++;
    if (image) this.images++;
    this.literal(token.text);
  }

  /** @param {Bracket} bracket */
  inside({ at, image }) {
    return this.source.slice(at + (image ? 2 : 1), this.at);
  }

  /** Takes away what stands in a bracket. @param {Bracket} bracket */
  take({ index }) {
    return merged(new Emphasis(this.pending.splice(index).slice(1)).nodes);
  }

  close() {
    const bracket = this.brackets[this.brackets.length - 1];
    if (!bracket?.active) return this.fail();
    const found = target(this, bracket);
    if (found === PARTIAL) this.stopped = true;
    else if (found) this.succeed(bracket, found);
    else if (!cited(this, bracket)) this.fail();
  }

  fail() {
    this.pop();
    this.literal("]");
  }

  pop() {
    const bracket = this.brackets.pop();
    if (bracket?.active) this.active--;
    if (bracket?.image) this.images--;
  }

  /** @param {Bracket} bracket @param {Found} found */
  succeed(bracket, found) {
    const children = this.take(bracket);
    this.pop();
    this.at = found.end;
    if (bracket.image) return this.emit(image(found, plain(children), this.context));
    if (this.active > this.images) for (const outer of this.brackets) this.deactivate(outer);
    for (const node of link(found, children, this.context)) this.pending.push(node);
    this.flush();
  }

  /** A link in a link is none. @param {Bracket} outer */
  deactivate(outer) {
    if (outer.image || !outer.active) return;
    outer.active = false;
    this.active--;
  }

  hide() {
    const last = this.brackets[this.brackets.length - 1];
    if (last?.active && this.half) this.showHalf(last);
    else if (last?.active && /^!?\[[\d,\s]*\]?$/.test(this.source.slice(last.at))) this.pending.length = last.index;
    for (const { token, active, bound } of this.brackets) if (active && !bound) token.text = "";
  }

  /** @param {Bracket} bracket whose address has begun */
  showHalf(bracket) {
    const children = this.take(bracket);
    this.pending.push(bracket.image ? text(plain(children)) : element("a", children, {}, depthOf(children)));
  }
}

/** @param {Scanner} scanner @param {Bracket} bracket @returns {Found | typeof PARTIAL | null} */
function target(scanner, bracket) {
  const { source, complete, at } = scanner;
  if (at + 1 === source.length && !complete) return PARTIAL;
  const found = source[at + 1] === "(" ? inlineTarget(source, at + 2, complete) : null;
  scanner.half = found === PARTIAL;
  return found ?? (scanner.context.references.size ? reference(scanner, bracket) : null);
}

/** @param {Scanner} scanner @param {Bracket} bracket */
function reference(scanner, bracket) {
  const { references } = scanner.context;
  const after = scanner.at + 1;
  const own = scanner.inside(bracket);
  const [all, label] = scanner.look(/\[((?:[^[\]\\]|\\[^]?){0,999})\]/y, after) ?? ["", ""];
  if (!all && !scanner.complete && scanner.look(/\[(?:[^[\]\\]|\\[^]?){0,999}$/y, after)) return PARTIAL;
  const found = own.length < 1000 ? references.get(labelKey(label.trim() ? label : own)) : undefined;
  return found ? { ...found, end: after + (label && !label.trim() ? 0 : all.length) } : null;
}

/** Numbers of sources in a bracket: [1] or [2, 3]. @param {Scanner} scanner @param {Bracket} bracket */
function cited(scanner, bracket) {
  const inside = scanner.inside(bracket);
  if (bracket.image || !/^\d{1,4}(?:\s*,\s*\d{1,4}){0,19}$/.test(inside)) return false;
  const nodes = citations(scanner.context, inside.split(",").map(Number));
  if (!nodes) return false;
  scanner.pending.length = bracket.index;
  scanner.pop();
  scanner.at++;
  for (const node of nodes) scanner.pending.push(node);
  scanner.flush();
  return true;
}

/** @param {Context} context @param {number[]} numbers @returns {Node[] | undefined} nothing if there is none of these sources */
function citations(context, numbers) {
  const nodes = numbers.map((n) => citation(context, n));
  return nodes.every(isText) ? undefined : nodes;
}

/** The text is read again and again, so that there is a source is remembered, and its node made when it is placed. @param {Context} context @param {number} n */
function citation({ cited, citation, document }, n) {
  const words = `[${n}]`;
  if (!citation || !(cited.has(n) || citation(n))) return text(words);
  cited.add(n);
  return made(`cite ${n}`, () => /** @type {ChildNode} */ (citation(n) ?? document.createTextNode(words)));
}

/** @param {Scanner} scanner */
function lenticular(scanner) {
  const [all, n] = scanner.look(/【(\d{1,4})(?:†[^】\n]{0,99})?】/y) ?? [];
  const nodes = all && citations(scanner.context, [Number(n)]);
  if (nodes) scanner.emit(nodes[0], all.length);
  else if (!scanner.waits(/【(?:\d{1,4}(?:†[^】\n]{0,99})?)?$/y)) scanner.literal("【");
}

/** @param {Scanner} scanner */
function word(scanner) {
  if (/[A-Za-z0-9]/.test(scanner.before) || !address(scanner)) scanner.literal(String(scanner.look(WORD)));
}

/** Addresses that stand in the text. @param {Scanner} scanner */
function address(scanner) {
  const { source, complete, at } = scanner;
  const raw = scanner.look(ADDRESS)?.[0];
  if (raw) return bareURL(scanner, trimmed(raw), !complete && at + raw.length === source.length);
  scanner.growing ||= !complete && !!scanner.look(GROWING);
  const mail = !scanner.growing && scanner.look(MAIL)?.[0];
  return mail && bareLink(scanner, `mailto:${mail}`, mail);
}

/** @param {Scanner} scanner @param {string} shown @param {boolean} open */
function bareURL(scanner, shown, open) {
  if (!open) return bareLink(scanner, shown.replace(/^www/i, "http://$&"), shown);
  scanner.emit(element("a", [text(shown)]));
  return (scanner.stopped = true);
}

/** @param {Scanner} scanner @param {string} href @param {string} shown */
function bareLink(scanner, href, shown) {
  const [node] = link({ href, title: "" }, [text(shown)], scanner.context);
  if (!isText(node)) scanner.emit(node, shown.length);
  return !isText(node);
}

/** Without the punctuation that follows an address rather than belongs to it. @param {string} raw */
function trimmed(raw) {
  let end = raw.length;
  for (let excess = raw.split(")").length - raw.split("(").length; ; end--) {
    const last = raw[end - 1];
    if (!/[?!.,:;*_~'"]/.test(last) && (last !== ")" || excess-- <= 0)) return raw.slice(0, end);
  }
}

/** @param {Scanner} scanner */
function space(scanner) {
  const [all] = /** @type {RegExpExecArray} */ (scanner.look(/[ \t]*(?:\n[ \t]*)?/y));
  const last = scanner.at + all.length === scanner.source.length;
  if (last) scanner.stopped = true;
  else if (!all.includes("\n")) scanner.literal(all);
  else lineEnd(scanner, all.startsWith("  "), all.length);
}

/** @param {Scanner} scanner @param {boolean} hard @param {number} width */
function lineEnd(scanner, hard, width) {
  if (hard) scanner.emit(element("br"));
  scanner.emit(text("\n"), width);
}

/** @param {Scanner} scanner */
function escape(scanner) {
  const next = scanner.source[scanner.at + 1];
  if (next === "\n") lineEnd(scanner, true, 2);
  else if (next && /[!-/:-@[-`{-~]/.test(next)) scanner.emit(text(next), 2);
  else if (!scanner.waits(/\\$/y)) scanner.literal("\\");
}

/** @param {Scanner} scanner */
function code(scanner) {
  if (scanner.waits(/`+$/y)) return;
  const [run] = /** @type {RegExpExecArray} */ (scanner.look(/`+/y));
  const start = scanner.at + run.length;
  const end = run.length < 32 && closing(scanner, start, run.length);
  if (end) scanner.emit(codeSpan(scanner.source.slice(start, end)), end + run.length - scanner.at);
  else if (scanner.complete || run.length > 31) scanner.literal(run);
  else halfCode(scanner, scanner.source.slice(start));
}

/** @param {Scanner} scanner @param {number} start @param {number} length */
function closing(scanner, start, length) {
  const runs = /`+/g;
  runs.lastIndex = start;
  for (let run; !scanner.unclosed.has(length) && (run = runs.exec(scanner.source)); ) {
    const grows = !scanner.complete && runs.lastIndex === scanner.source.length;
    if (run[0].length === length && !grows) return run.index;
  }
  scanner.unclosed.add(length);
  return 0;
}

/** @param {string} content */
function codeSpan(content) {
  const flat = content.replace(/\n/g, " ");
  const padded = flat.startsWith(" ") && flat.endsWith(" ") && flat.trim();
  return element("code", [text(padded ? flat.slice(1, -1) : flat)], { dir: "ltr" });
}

/** @param {Scanner} scanner @param {string} content */
function halfCode(scanner, content) {
  let end = content.length;
  while (content[end - 1] === "`") end--;
  const shown = content.slice(0, end).trim();
  if (shown) scanner.emit(codeSpan(shown));
  scanner.stopped = true;
}

/** @param {Scanner} scanner */
function angle(scanner) {
  const [all, address] = scanner.look(ANGLE) ?? [];
  if (all && address) return angleLink(scanner, all, address);
  const [br] = scanner.look(/<br *\/?>/iy) ?? [];
  if (br) scanner.emit(element("br"), br.length);
  else if (!scanner.waits(/<(?:[^\s<>]*|br *\/?)$/iy)) scanner.literal("<");
}

/** @param {Scanner} scanner @param {string} all @param {string} address */
function angleLink(scanner, all, address) {
  const href = /^[^@]*:/.test(address) ? address : `mailto:${address}`;
  const [node] = link({ href, title: "" }, [text(address)], scanner.context);
  scanner.emit(isText(node) ? text(all) : node, all.length);
}

/** @param {Scanner} scanner */
function ampersand(scanner) {
  const [all, name] = scanner.look(/&(#?\w{1,31});/y) ?? [];
  const character = name && entity(name);
  if (all && character) scanner.emit(text(character), all.length);
  else if (!scanner.waits(/&#?\w{0,31}$/y)) scanner.literal("&");
}

/** @param {Scanner} scanner */
function emphasis(scanner) {
  const [char] = scanner.source.slice(scanner.at);
  let end = scanner.at;
  while (scanner.source[end] === char) end++;
  if (end === scanner.source.length && !scanner.complete) return void (scanner.stopped = true);
  const run = scanner.source.slice(scanner.at, end);
  const after = String.fromCodePoint(scanner.source.codePointAt(end) ?? 32);
  scanner.emit(char === "~" && run.length !== 2 ? text(run) : delimiter(run, scanner.before, after), run.length);
}

/** @param {Scanner} scanner */
function bang(scanner) {
  if (scanner.waits(/!\[?$/y)) return;
  if (scanner.source[scanner.at + 1] === "[") scanner.open(true);
  else scanner.literal("!");
}

/** @param {Scanner} scanner */
function bracket(scanner) {
  if (!scanner.waits(/\[$/y)) scanner.open(false);
}

/** @type {Record<string, (scanner: Scanner) => void>} */
const readers = {
  "\\": escape,
  "`": code,
  "<": angle,
  "&": ampersand,
  "!": bang,
  "[": bracket,
  "]": (scanner) => scanner.close(),
  "【": lenticular,
  " ": space,
  "\t": space,
  "\n": space,
  "*": emphasis,
  _: emphasis,
  "~": emphasis,
};

export class Inline {
  source = "";
  before = "";
  /** From here on nothing is final. @type {Node[]} */
  tail = [];
  due = 0;

  /** @param {HTMLElement} parent @param {Context} context */
  constructor(parent, context) {
    this.parent = parent;
    this.context = context;
  }

  /** @param {string} text */
  write(text) {
    this.source += this.source || this.before ? text : text.replace(/^[ \t\n]+/, "");
    if (this.source.length >= this.due) this.show(false);
  }

  end() {
    this.show(true);
  }

  /** @param {boolean} complete */
  show(complete) {
    const { emphasis, count, settled } = new Scanner(this.source, complete, this.before, this.context);
    const [first] = this.tail;
    const kept = first && isText(first) && first.kept ? [{ ...text(""), kept: true }] : [];
    const open = merged(emphasis.nodes.slice(count));
    const all = merged([...kept, ...emphasis.nodes]);
    patch(this.parent, this.tail, all);
    this.tail = unsettled(all, open);
    this.before = characterBefore(this.before, this.source, settled);
    this.source = this.source.slice(settled);
    this.due = this.source.length + (this.source.length >> 5);
  }
}

/** Of all nodes those that are open; a text's end may be open while its beginning is not. @param {Node[]} all @param {Node[]} open */
function unsettled(all, open) {
  const start = all.length - open.length;
  const [last, first, part] = [all[start - 1], all[start], open[0]];
  if (part && isText(part) && isText(first)) {
    first.kept ||= first.text.length > part.text.length;
    first.text = part.text;
  } else if (last && isText(last)) {
    last.text = "";
    last.kept = true;
    return all.slice(start - 1);
  }
  return all.slice(start);
}
