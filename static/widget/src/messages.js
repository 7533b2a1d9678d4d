/** What was said, as nodes: a visitor's question, and an answer that grows. */
import { button, element } from "./dom.js";
import { Frames } from "./frames.js";
import { MarkdownRenderer } from "./markdown/index.js";
import { Sources } from "./sources.js";
import { say } from "./words.js";

/** @import { Citation } from "./types.js"
 * @import { Words } from "./ui.js" */

/** What is said is in the page's language until it tells another. */
const pageLanguage = () => document.documentElement.lang || undefined;

/** @param {string} text @param {number} n @param {Words} words */
export function userMessage(text, n, words) {
  const content = element("div", { class: "message-content", dir: "auto", lang: pageLanguage() }, text);
  return element("article", { class: "message user", part: "question", "aria-label": say(words.question, { n }) }, content);
}

/**
 * An answer. `write` it as it comes, then `finish` it.
 */
export class BotMessage {
  /** All that was written: Markdown. */
  text = "";
  #actions = element("div", { class: "actions" });
  /** What became of what was pressed. */
  said = element("span", { role: "status" });

  /** @param {string} label @param {Words} words @param {() => void} grew told after each change of its size */
  constructor(label, words, grew) {
    this.words = words;
    this.sources = new Sources(words, grew);
    this.grew = grew;
    this.content = element("div", { class: "message-content", "aria-busy": "true", lang: pageLanguage() });
    this.node = element("article", { class: "message bot", part: "answer", "aria-label": label, tabindex: "-1" }, this.content, this.sources.node);
    this.#renderer = new MarkdownRenderer(this.content, {
      citation: (n) => this.sources.reference(n),
      copy: (text) => copyButton(text, words),
      words: { image: words.image, done: words.taskDone, open: words.taskOpen },
    });
    this.#frames = new Frames((text) => {
      this.#renderer.write(text);
      grew();
    });
  }

  #renderer;
  #frames;

  /** @param {string} text */
  write(text) {
    this.text += text;
    this.#frames.write(text);
  }

  /** @param {Citation[]} citations */
  cite(citations) {
    this.sources.add(citations);
  }

  /** No more comes. A second time is nothing. */
  finish() {
    if (!this.content.hasAttribute("aria-busy")) return;
    this.content.removeAttribute("aria-busy");
    this.#frames.flush();
    this.#renderer.end();
  }

  /** What can be done with it, now that it is there. @param {HTMLElement[]} buttons */
  offer(...buttons) {
    this.#actions.append(...buttons, this.said);
    this.node.append(this.#actions);
    this.grew();
  }
}

/** @param {() => string} text told when it is pressed @param {Words} words */
export function copyButton(text, words, label = words.copy) {
  const made = button(label, async () => {
    const { copied } = await import("./more/index.js");
    made.textContent = (await copied(text())) ? words.copied : label;
    setTimeout(() => (made.textContent = label), 2000);
  });
  return made;
}
