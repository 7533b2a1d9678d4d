/**
 * The list of what was said. It follows what grows while its end is in sight, until the question would leave at the top; from
 * there on a visitor reads at their own pace, and goes to the end when they like. It never jumps.
 * It is no live region: a screen reader would read each word as it comes (openclaw/openclaw#65538).
 */
import { ACT, drop, element } from "./dom.js";
import { BotMessage, userMessage } from "./messages.js";
import { say } from "./words.js";

/** @import { Words } from "./ui.js" */

/**
 * A question and its answer.
 * @typedef {{ text: string, question: HTMLElement, message: BotMessage, id: string | null, before?: Turn }} Turn
 * `id` is the answer's on the server; `before` is the turn that this one takes the place of
 */

const NEAR_END = 4;
const MARGIN = 8;
/** When an answer grows, a browser goes over all that stands beside it: 500 messages cost ten times what 20 do. So they stand in groups. */
const IN_GROUP = 20;

export class Transcript {
  /** Questions so far. */
  count = 0;
  /** @type {HTMLElement | undefined} */
  #group;
  #follows = true;
  #top = 0;
  /** The question that stays in sight. @type {HTMLElement | null} */
  #pinned = null;

  /** @param {Words} words */
  constructor(words) {
    this.words = words;
    this.name = words.title;
    /** The greeting, and what stands in its place. */
    this.opening = element("div", { class: "group" });
    /** Stands behind all, by its `order`. */
    this.end = element("div", { class: "end" });
    /** What was said on earlier pages. */
    this.past = element("div", { class: "group" });
    this.node = element("section", {
      class: "transcript", part: "transcript", tabindex: "0", "aria-label": words.transcript,
    });
    this.node.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.clear();
  }

  get #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.node;
    return scrollHeight - scrollTop - clientHeight <= NEAR_END;
  }

  /** As far as the list may follow. */
  get #furthest() {
    return this.#pinned ? this.#pinned.offsetTop - MARGIN : Infinity;
  }

  #scrolled() {
    const { scrollTop } = this.node;
    const beyond = scrollTop - this.#furthest;
    const isUp = scrollTop < this.#top;
    this.#top = scrollTop;
    // That is where the chat itself went.
    if (Math.abs(beyond) <= 1) return;
    // It goes down only; what has just come below is no wish to stay.
    this.#follows = this.#isAtEnd || (this.#follows && !isUp && beyond < 0);
    if (beyond > 0 || !this.#follows) this.#pinned = null;
  }

  /** Told of each change of size. */
  grew = () => {
    if (this.#follows) this.node.scrollTop = Math.min(this.node.scrollHeight, this.#furthest);
  };

  /** From now on to the very end. */
  followEnd() {
    this.#pinned = null;
    this.#follows = true;
    this.grew();
  }

  /** @param {HTMLElement} node */
  append(node) {
    this.#open().append(node);
    this.grew();
  }

  #open() {
    if (this.#group && this.#group.childElementCount < IN_GROUP) return this.#group;
    return this.node.appendChild((this.#group = element("div", { class: "group" })));
  }

  /**
   * A question goes out, and its answer is waited for. @param {string} text @param {Turn} [before] whose place it takes
   * @returns {Turn}
   */
  begin(text, before) {
    const isSame = before?.text === text;
    if (before) for (const node of [before.message.node, ...(isSame ? [] : [before.question])]) drop(node);
    const question = isSame ? before.question : this.question(text, ++this.count);
    this.#follows = true;
    this.#pinned = question;
    if (!isSame) this.append(question);
    return { text, question, message: this.addAnswer(), id: before?.id ?? null, before };
  }

  /** @returns {BotMessage} */
  addAnswer() {
    const made = this.answer(this.count || 1);
    this.append(made.node);
    return made;
  }

  /** A question that stands nowhere yet. @param {string} text @param {number} n */
  question(text, n) {
    return userMessage(text, n, this.words);
  }

  /** An answer that stands nowhere yet. @param {number} n of its question */
  answer(n) {
    return new BotMessage(say(this.words.answer, { n, name: this.name }), this.words, this.grew);
  }

  /** @param {string} text */
  greet(text) {
    const made = new BotMessage(this.words.greeting, this.words, this.grew);
    this.opening.append(made.node);
    made.write(text);
    made.finish();
  }

  /** Put something in above what is read, which stays where it is. @param {() => void} work */
  keepingView(work) {
    const { node } = this;
    const below = node.scrollHeight - node.scrollTop;
    work();
    if (!this.#follows) node.scrollTop = node.scrollHeight - below;
    this.grew();
  }

  /** What could be done about earlier turns is no longer: a new question has gone out. @param {HTMLElement} next */
  retire(next) {
    for (const old of this.node.querySelectorAll(`.${ACT}`)) drop(old, next);
  }

  clear() {
    this.opening.replaceChildren();
    this.past.replaceChildren();
    this.node.replaceChildren(this.opening, this.past, this.end);
    this.#group = undefined;
    this.count = 0;
    this.#follows = true;
    this.#pinned = null;
  }
}
