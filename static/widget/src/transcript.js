/**
 * The list of what was said. It follows what grows only while its end is in sight, and never jumps.
 * It is no live region: a screen reader would read each word as it comes (openclaw/openclaw#65538).
 */
import { drop, element } from "./dom.js";
import { BotMessage, userMessage } from "./messages.js";
import { say } from "./words.js";

/** @import { Words } from "./ui.js" */

const NEAR_END = 4;
/** When an answer grows, a browser goes over all that stands beside it: 500 messages cost ten times what 20 do. So they stand in groups. */
const IN_GROUP = 20;

export class Transcript {
  #count = 0;
  /** @type {HTMLElement | undefined} */
  #group;
  #follows = true;

  /** @param {Words} words */
  constructor(words) {
    this.words = words;
    this.name = words.title;
    /** The greeting, and what stands in its place. */
    this.opening = element("div", { class: "group" });
    this.node = element("section", { class: "transcript", part: "transcript", tabindex: "0", "aria-label": words.transcript }, this.opening);
    this.node.addEventListener("click", keepFocus);
    this.node.addEventListener("scroll", () => (this.#follows = this.#isAtEnd()), { passive: true });
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.node;
    return scrollHeight - scrollTop - clientHeight <= NEAR_END;
  }

  /** Told of each change of size. */
  grew = () => {
    if (this.#follows) this.node.scrollTop = this.node.scrollHeight;
  };

  /** @param {HTMLElement} node */
  append(node) {
    this.#open().append(node);
    this.grew();
  }

  #open() {
    if (this.#group && this.#group.childElementCount < IN_GROUP) return this.#group;
    return this.node.appendChild((this.#group = element("div", { class: "group" })));
  }

  /** @param {string} text */
  addQuestion(text) {
    this.#follows = true;
    this.append(userMessage(text, ++this.#count, this.words));
  }

  /** @returns {BotMessage} */
  addAnswer() {
    const made = new BotMessage(say(this.words.answer, { n: this.#count || 1, name: this.name }), this.words, this.grew);
    this.append(made.node);
    return made;
  }

  /** @param {string} text */
  greet(text) {
    const made = new BotMessage(this.words.greeting, this.words, this.grew);
    this.opening.append(made.node);
    made.write(text);
    made.finish();
  }

  /** What could be done about earlier failures is no longer: a new question has gone out. @param {HTMLElement} next */
  retire(next) {
    for (const old of this.node.querySelectorAll(".act")) drop(old, next);
  }

  clear() {
    this.opening.replaceChildren();
    this.node.replaceChildren(this.opening);
    this.#group = undefined;
    this.#count = 0;
  }
}

/** A button that makes way for its image leaves the focus to its message. @param {Event} event */
function keepFocus(event) {
  const [pressed, ...around] = event.composedPath();
  const root = around.find((node) => node instanceof ShadowRoot);
  const message = around.find((node) => node instanceof HTMLElement && node.localName === "article");
  if (!(pressed instanceof Element) || pressed.isConnected || root?.activeElement) return;
  /** @type {HTMLElement | undefined} */ (message)?.focus({ preventScroll: true });
}
