/**
 * Blocks, line by line, as CommonMark's algorithm has it: first which open containers go on, then which begin, then the text.
 *
 * A line comes in pieces. As long as it could still become something else (`#`, `-`, `12`, spaces) it waits, and nothing of it is
 * shown; once it is certain, `plan` gives what is to be done, and after that the rest of the line goes straight to the open
 * leaf. Planning changes nothing, so a longer line is simply planned again: each time it has grown by a 16th, as a line
 * of 10,000 `*` is undecided to its end.
 *
 * Nodes are only appended. One thing changes later: a list is known to be loose when a blank line comes, and gets its class then.
 * @import { Context } from "./index.js"
 */
import { Code, columns, Heading, Paragraph, Table } from "./leaves.js";
import { Line } from "./line.js";
import { append } from "./nodes.js";

/** Deeper quotes and lists are text. */
const DEEPEST = 32;

/** @typedef {{element: HTMLElement, type: string}} List */
/** @typedef {{element: HTMLElement, list?: List, offset: number, filled: boolean}} Container  an item of a list, or a quote */
/** @typedef {{type: string, offset: number, first: string, task?: string}} Opening */
/** @typedef {Paragraph | Heading | Code | Table} Leaf */
/** What of the line is known: containers that go on, that begin, the leaf it may go on with. @typedef {{depth: number, opens: Opening[], line: Line, current: Leaf | undefined}} Plan */
/** @typedef {() => void} Act */

const RULE = /^([-_*])[ \t]*(?:\1[ \t]*){2,}$/;
const ITEM = /^(?:[-+*]|(\d{1,9})[.)])(?=[ \t]|$)/;
const FENCE = /^(`{3,}(?=[^`]*$)|~{3,})(.*)/;
const HEADING = /^(#{1,6})(?:[ \t]+|$)/;
const UNDERLINE = /^(=+|-+)[ \t]*$/;
const TASK = /^\[([ xX])\][ \t]+(?=[^ \t])/;
/** What a line may be that has not ended. */
const WAITS = /^(?:#{1,6}[ \t]*|``?|`{3,}[^`]*|~~?|~{3,}.*|([-_*])(?:[ \t]*\1)*[ \t]*|(?:\+|\d{1,9}[.)]?)[ \t]*)$/;

export class Blocks {
  #root;
  #context;
  /** @type {Container[]} */
  #stack = [];
  /** @type {Leaf | undefined} */
  #leaf;
  /** What has come of a line that is not certain yet. */
  #held = "";
  #due = 0;
  #flows = false;
  #blank = false;

  /** @param {HTMLElement} root @param {Context} context */
  constructor(root, context) {
    this.#root = root;
    this.#context = context;
  }

  /** @param {string} text without a line end @param {boolean} complete whether the line ends here */
  write(text, complete) {
    if (this.#flows) this.#leaf?.write(text);
    else this.#begin(text, complete);
    if (!complete || !this.#flows) return;
    this.#leaf?.lineEnd();
    this.#flows = false;
  }

  end() {
    if (this.#flows || this.#held) this.write("", true);
    this.#truncate(0);
  }

  /** @param {string} text @param {boolean} complete */
  #begin(text, complete) {
    this.#held += text;
    if (!complete && this.#held.length < this.#due) return;
    this.#due = this.#held.length + 1 + (this.#held.length >> 4);
    const act = this.#plan(new Line(this.#held), complete);
    if (!act) return;
    this.#held = "";
    this.#due = 0;
    act();
  }

  /** @param {Line} line @param {boolean} complete @returns {Act | undefined} nothing if it is not certain yet */
  #plan(line, complete) {
    let depth = 0;
    while (depth < this.#stack.length && goesOn(this.#stack[depth], line)) depth++;
    const current = depth === this.#stack.length ? this.#leaf : undefined;
    if (current instanceof Code && current.fence) return this.#planFenced(line, current, complete);
    return this.#planOpenings({ depth, opens: [], line, current }, complete);
  }

  /** @param {Line} line @param {Code} leaf @param {boolean} complete @returns {Act | undefined} */
  #planFenced(line, leaf, complete) {
    const rest = line.text.trim();
    const marks = rest === leaf.fence[0].repeat(rest.length);
    if (marks && !complete) return;
    if (marks && rest.length >= leaf.fence.length && line.indent < 4) return () => this.#truncate(this.#stack.length);
    line.skip(Math.min(leaf.indent, line.indent));
    return () => this.#flow(line);
  }

  /** @param {Plan} plan @param {boolean} complete @returns {Act | undefined} */
  #planOpenings(plan, complete) {
    const { line, opens } = plan;
    for (let more = true; more; ) {
      if (line.blank) return complete ? () => this.#putBlank(plan) : undefined;
      if (line.indent > 3) return this.#planIndented(plan);
      if (!complete && waits(line.rest, plan)) return;
      const found = this.#planLeaf(plan, line.rest, complete);
      if (found) return found;
      more = plan.depth + opens.length < DEEPEST && (openQuote(plan) || openItem(plan));
      if (more) plan.current = undefined;
    }
    return this.#planText(plan);
  }

  /** @param {Plan} plan @returns {Act} */
  #planIndented(plan) {
    const { line, current } = plan;
    if (this.#lazy(plan)) return this.#planText(plan);
    line.skip(4);
    if (current instanceof Code) return () => this.#flow(line);
    return () => this.#put(plan, (...at) => new Code(...at), line);
  }

  /** A paragraph goes on also where its containers are not marked. @param {Plan} plan */
  #lazy({ opens }) {
    return !opens.length && this.#leaf instanceof Paragraph;
  }

  /** A line that is a block by itself, or turns the paragraph above it into one. @param {Plan} plan @param {string} text @param {boolean} complete @returns {Act | undefined} */
  #planLeaf(plan, text, complete) {
    const { line, current } = plan;
    const [start, hashes] = HEADING.exec(text) ?? [];
    if (hashes) line.text = text.slice(start?.length);
    if (hashes) return () => this.#put(plan, (...at) => new Heading(...at, hashes.length), line);
    if (!complete) return;
    const [, fence, info] = FENCE.exec(text) ?? [];
    if (fence) return () => this.#put(plan, (...at) => new Code(...at, info, fence, line.indent));
    const under = current instanceof Paragraph && this.#planUnder(current, text);
    return under || (RULE.test(text) ? () => this.#put(plan, (inner) => void append(inner, "hr")) : undefined);
  }

  /** @param {Paragraph} current @param {string} text @returns {Act | undefined} */
  #planUnder(current, text) {
    const { head } = current;
    const found = columns(head, text);
    if (UNDERLINE.test(text) && current.filled()) return () => (this.#leaf = current.toHeading(text[0] === "=" ? "h1" : "h2"));
    return found && (() => (current.behead(), (this.#leaf = new Table(this.#inner, this.#context, head, found))));
  }

  /** @param {Plan} plan @returns {Act} */
  #planText(plan) {
    const { line, current } = plan;
    line.skip(line.indent);
    if (this.#lazy(plan) || current instanceof Table) return () => this.#flow(line);
    return () => this.#put(plan, (...at) => new Paragraph(...at), line);
  }

  /** Where new blocks go. */
  get #inner() {
    return this.#top?.element ?? this.#root;
  }

  /** @returns {Container | undefined} */
  get #top() {
    return this.#stack.at(-1);
  }

  /** The rest of the line is the open leaf's. @param {Line} line */
  #flow(line) {
    this.#blank = false;
    this.#flows = true;
    this.#leaf?.line();
    this.#leaf?.write(line.text);
  }

  /** @param {Plan} plan @param {(inner: HTMLElement, context: Context) => Leaf | undefined} leaf @param {Line} [line] its first */
  #put(plan, leaf, line) {
    this.#prepare(plan);
    this.#fill();
    this.#leaf = leaf(this.#inner, this.#context);
    this.#blank = false;
    if (line) this.#flow(line);
  }

  /** @param {Plan} plan */
  #putBlank(plan) {
    if (plan.current instanceof Code) plan.current.blank(plan.line);
    else this.#prepare(plan);
    const top = this.#top;
    this.#blank = !plan.opens.length && (!top || !!top.list);
    if (this.#blank && top && !top.filled) top.offset = Infinity;
  }

  /** Closes what does not go on and opens what begins. @param {Plan} plan */
  #prepare({ depth, opens }) {
    const before = this.#stack[depth];
    this.#truncate(depth);
    for (const opening of opens) this.#open(opening, opening === opens[0] ? before : undefined);
  }

  /** @param {number} depth */
  #truncate(depth) {
    this.#leaf?.close();
    this.#leaf = undefined;
    this.#stack.length = depth;
  }

  /** A block comes into the innermost container; a blank line between two makes a list loose. */
  #fill() {
    const top = this.#top;
    if (this.#blank && top?.filled) loosen(top.list);
    if (top) top.filled = true;
  }

  /** @param {Opening} opening @param {Container} [before] what stood at its place */
  #open({ type, offset, first, task }, before) {
    const list = type ? this.#list(type, first, before?.list) : undefined;
    if (!list) this.#fill();
    const element = append(list?.element ?? this.#inner, list ? "li" : "blockquote", { dir: "auto", class: task && "task" });
    const open = task === " ";
    if (task) append(element, "input", { type: "checkbox", disabled: "", checked: open ? undefined : "", "aria-label": this.#context.words[open ? "open" : "done"] });
    this.#stack.push({ element, list, offset, filled: false });
    this.#blank = false;
  }

  /** @param {string} type @param {string} first @param {List} [before] which goes on if it is of the type @returns {List} */
  #list(type, first, before) {
    const goesOn = before?.type === type;
    if (goesOn && this.#blank) loosen(before);
    if (goesOn) return before;
    this.#fill();
    const start = first && +first !== 1 ? `${+first}` : undefined;
    return { type, element: append(this.#inner, first ? "ol" : "ul", { start }) };
  }
}

/** @param {List | undefined} list */
const loosen = (list) => list?.element.setAttribute("class", "loose");

/** @param {Container} container @param {Line} line which is moved past the container's mark */
function goesOn(container, line) {
  if (!container.list) return quoted(line);
  if (line.blank) return true;
  const goesOn = line.indent >= container.offset;
  if (goesOn) line.skip(container.offset);
  return goesOn;
}

/** @param {Line} line */
function quoted(line) {
  if (line.indent > 3 || line.rest[0] !== ">") return false;
  line.skip(3);
  line.take(1);
  line.skip(1);
  return true;
}

/** @param {Plan} plan */
function openQuote({ line, opens }) {
  return quoted(line) && !!opens.push({ type: "", offset: 0, first: "" });
}

/** @param {Plan} plan */
function openItem({ line, opens, current }) {
  const [mark, first] = ITEM.exec(line.rest) ?? [];
  if (!mark || (current instanceof Paragraph && (/^\S+[ \t]*$/.test(line.rest) || (first && +first !== 1)))) return false;
  const { indent } = line;
  line.skip(indent);
  line.take(mark.length);
  const room = line.blank || line.indent > 4 ? 1 : line.indent;
  line.skip(room);
  const task = TASK.exec(line.text);
  if (task) line.take(task[0].length);
  return !!opens.push({ type: mark.slice(-1), first: first ?? "", offset: indent + mark.length + room, task: task?.[1] });
}

/** @param {string} text @param {Plan} plan */
function waits(text, { current, opens }) {
  if (WAITS.test(text)) return true;
  if (current instanceof Paragraph) return /^(?:=+[ \t]*|[|:-][|:\- \t]*)$/.test(text) && (text[0] === "=" || current.head.includes("|"));
  return !!opens.at(-1)?.type && /^\[(?:[ xX](?:\][ \t]*)?)?$/.test(text);
}
