/**
 * Blocks that hold text. While one is open, each line comes as `line()`, any number of `write(text)`, `lineEnd()`;
 * `close()` is the last. Its element is made when there is something to show in it.
 * @import { Context } from "./index.js"
 */
import { unescaped } from "./entities.js";
import { Inline } from "./inline.js";
import { languageOf } from "./language.js";
import { definition, PARTIAL } from "./links.js";
import { append } from "./nodes.js";

/** An element with running text. */
class Prose {
  /** @param {HTMLElement} element @param {Context} context */
  constructor(element, context) {
    this.element = element;
    this.context = context;
    this.inline = new Inline(element, context);
  }

  /** @param {string} text */
  write(text) {
    this.inline.write(text);
  }

  close() {
    this.inline.end();
    const language = languageOf(this.element.textContent ?? "");
    if (language && !this.context.lang?.startsWith(language)) this.element.setAttribute("lang", language);
  }
}

/**
 * Three things may still come of a paragraph's beginning: link definitions wait in `start` until they are certain; a line that
 * begins with a pipe waits in `row` for the line below, which may make it a table's head; an underline makes it a heading.
 */
export class Paragraph {
  #parent;
  #context;
  /** @type {Prose | undefined} */
  #prose;
  #start = "";
  #defining = true;
  #row = "";
  #waiting = false;
  #fresh = false;
  #lines = 0;
  /** Kept of one line only. */
  #source = "";

  /** @param {HTMLElement} parent @param {Context} context */
  constructor(parent, context) {
    this.#parent = parent;
    this.#context = context;
  }

  line() {
    this.#release();
    this.#fresh = true;
    this.#lines++;
  }

  /** @param {string} text */
  write(text) {
    if (this.#lines === 1) this.#source += text;
    if (this.#fresh) this.#waiting = text[0] === "|";
    const all = this.#fresh && this.#lines > 1 ? `\n${text}` : text;
    this.#fresh = false;
    if (this.#waiting) this.#row += all;
    else this.#text(all);
  }

  #release() {
    const row = this.#row;
    this.#row = "";
    if (row) this.#text(row);
  }

  /** The line that the next may make a table's head. */
  get head() {
    return (this.#waiting ? this.#row : this.#lines === 1 ? this.#source : "").trim();
  }

  /** @param {string} text */
  #text(text) {
    if (!this.#defining) return this.#open().write(text);
    this.#start += text;
    this.#define(false);
  }

  /** Takes definitions off the start. @param {boolean} complete */
  #define(complete) {
    const { references } = this.#context;
    for (let next; this.#start[0] === "[" && (next = definition(this.#start, complete)); this.#start = this.#start.slice(next.end)) {
      if (next === PARTIAL) return;
      if (!references.has(next.label)) references.set(next.label, next);
    }
    if (!this.#start) return;
    this.#defining = false;
    this.#open().write(this.#start);
  }

  /** Whether there is more than definitions, if it ends here. */
  filled() {
    this.#release();
    if (this.#defining) this.#define(true);
    return !!this.#prose;
  }

  /** In an item or a quotation it gives that its direction, and so has none of its own: `auto` looks past what has. */
  #open() {
    return (this.#prose ??= new Prose(append(this.#parent, "p", { dir: this.#parent.dir ? undefined : "auto" }), this.#context));
  }

  lineEnd() {}

  close() {
    this.filled();
    this.#prose?.close();
  }

  /** @param {"h1" | "h2"} tag @returns {undefined} */
  toHeading(tag) {
    this.close();
    const { element } = this.#open();
    append(this.#parent, tag, { dir: "auto", lang: element.getAttribute("lang") }).append(...element.childNodes);
    element.remove();
  }

  /** Gives its last line to a table. */
  behead() {
    if (!this.#waiting) this.#prose?.element.remove();
    else if ((this.#row = "", this.#lines > 1)) this.close();
  }
}

/** A line of `#`. What may be its closing sequence waits, with the space before it. */
export class Heading extends Prose {
  #tail = " ";

  /** @param {HTMLElement} parent @param {Context} context @param {number} level */
  constructor(parent, context, level) {
    super(append(parent, /** @type {"h1"} */ (`h${level}`), { dir: "auto" }), context);
  }

  line() {}

  /** @param {string} text */
  write(text) {
    this.#tail += text;
    const start = closingSequence(this.#tail);
    super.write(this.#tail.slice(0, start));
    this.#tail = this.#tail.slice(start);
  }

  lineEnd() {}

  close() {
    if (!/^[ \t]+#+[ \t]*$/.test(this.#tail)) super.write(this.#tail);
    super.close();
  }
}

/** Where spaces, `#`s and spaces at the end begin, if those `#`s follow a space. @param {string} text */
function closingSequence(text) {
  const end = text.trimEnd().length;
  let start = end;
  while (text[start - 1] === "#") start--;
  const before = text.slice(0, start).trimEnd().length;
  return before < start ? before : end;
}

/** Code, fenced or indented; the node that holds the text only grows, so a copy button works at any time. */
export class Code {
  /** Empty lines, that are code only if code follows. */
  #empty = "";
  #text;

  /** @param {HTMLElement} parent @param {Context} context @param {string} [info] @param {string} [fence] @param {number} [indent] */
  constructor(parent, { copy, document }, info = "", fence = "", indent = 0) {
    this.fence = fence;
    this.indent = indent;
    const language = unescaped(info).trim().split(/\s/)[0];
    const box = append(parent, "div", { class: "code" });
    const head = append(box, "div", { class: "head" });
    if (language) append(head, "span", { class: "language" }, language);
    const code = append(append(box, "pre", { dir: "ltr", tabindex: "0" }), "code", { class: language ? `language-${language}` : undefined });
    this.#text = code.appendChild(document.createTextNode(""));
    const button = copy?.(() => this.#text.data);
    if (button) head.appendChild(button);
  }

  /** @param {import("./line.js").Line} line */
  blank(line) {
    line.skip(4);
    this.#empty += `${line.text}\n`;
  }

  line() {
    this.write(this.#empty);
    this.#empty = "";
  }

  /** @param {string} text */
  write(text) {
    if (text) this.#text.appendData(text);
  }

  lineEnd() {
    this.write("\n");
  }

  close() {}
}

/** @param {string} row */
const cells = (row) => row.replace(/\\./g, "").trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());

/** How a table's columns stand, if this is the line under its head. @param {string} head @param {string} line */
export function columns(head, line) {
  const rules = cells(line);
  const fits = head.includes("|") && rules.length === cells(head).length && rules.every((rule) => /^:?-+:?$/.test(rule));
  return fits ? rules.map(alignment) : undefined;
}

/** @param {string} rule */
const alignment = (rule) => [undefined, "right", "left", "center"][+rule.endsWith(":") + 2 * +rule.startsWith(":")];

export class Table {
  #context;
  #columns;
  #table;
  /** @type {HTMLElement | undefined} */
  #body;
  /** @type {HTMLElement} */
  #row;
  /** @type {Prose | undefined} */
  #cell;
  #index = -1;
  #held = "";

  /** @param {HTMLElement} parent @param {Context} context @param {string} head @param {(string | undefined)[]} columns */
  constructor(parent, context, head, columns) {
    this.#context = context;
    this.#columns = columns;
    this.#table = append(parent, "table");
    this.#row = append(append(this.#table, "thead"), "tr");
    this.write(head);
    this.lineEnd();
  }

  line() {
    this.#body ??= append(this.#table, "tbody");
    this.#row = append(this.#body, "tr");
    this.#index = -1;
  }

  /** Cells end at pipes, also in code, but not at escaped ones. @param {string} text */
  write(text) {
    const parts = (this.#held + text).split(/(\\[^]?|\|)/);
    this.#held = parts[parts.length - 2] === "\\" ? parts.splice(-2)[0] : "";
    for (const part of parts) {
      if (part === "|") this.#next();
      else if (part) this.#into(part);
    }
  }

  /** @param {string} part of a cell */
  #into(part) {
    if (this.#index < 0) this.#index = 0;
    if (this.#more) this.#open().write(part === "\\|" ? "|" : part);
  }

  get #more() {
    return this.#index < this.#columns.length;
  }

  #open() {
    const attributes = { dir: "auto", class: this.#columns[this.#index] };
    return (this.#cell ??= new Prose(append(this.#row, this.#body ? "td" : "th", attributes), this.#context));
  }

  /** A pipe: the row's first may stand before its first cell. */
  #next() {
    if (this.#index >= 0 && this.#more) this.#open().close();
    this.#cell = undefined;
    this.#index++;
  }

  lineEnd() {
    if (this.#held) this.#into(this.#held);
    this.#held = "";
    while (this.#more) this.#next();
  }

  close() {}
}
