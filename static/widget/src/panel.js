/** The open chat: a named dialog that is not modal, so the page behind stays in use. */
import { Composer } from "./composer.js";
import { button, element, iconButton, ICONS } from "./dom.js";
import { Transcript } from "./transcript.js";
import { say } from "./words.js";

/** @import { WidgetConfig } from "./types.js"
 * @import { Words } from "./ui.js" */

export class Panel {
  /**
   * @param {{ ask: (text: string) => void, stop: () => void, close: () => void }} told
   * @param {Words} words @param {string} side "left" or "right"
   */
  constructor(told, words, side) {
    this.words = words;
    this.told = told;
    this.transcript = new Transcript(words);
    this.composer = new Composer(told, words);
    this.status = element("div", { class: "sr", role: "status" });
    this.heading = element("h2", { id: "title" }, words.title);
    this.note = element("div", { class: "note" });
    this.node = element(
      "div",
      { class: `panel auto ${side}`, part: "panel", role: "dialog", "aria-labelledby": "title", hidden: true },
      element("header", {}, this.heading, iconButton(words.close, ICONS.close, told.close)),
      this.transcript.node,
      this.composer.node,
      this.note,
      this.status,
    );
  }

  /** What a screen reader says of an answer: at its begin and its end, never of single words. @param {string} text */
  announce(text) {
    this.status.textContent = text;
  }

  /** @param {WidgetConfig} config what the owner says of the bot */
  introduce(config) {
    const { name } = config;
    this.transcript.name = name;
    this.heading.textContent = name;
    this.composer.most = config.question_chars || Infinity;
    this.#show(config);
    if (!config.stopped) this.#greet(config);
    this.#explain(config);
  }

  /** @param {WidgetConfig} config */
  #show({ theme }) {
    const { mode } = theme;
    if (mode === "light" || mode === "dark") this.node.classList.replace("auto", mode);
  }

  /** @param {WidgetConfig} config */
  #greet({ greeting, suggestions }) {
    const { transcript } = this;
    if (greeting) transcript.greet(greeting);
    const buttons = suggestions.map((text) => button(text, () => this.told.ask(text)));
    if (buttons.length) transcript.opening.append(element("div", { class: "suggestions" }, ...buttons));
    transcript.grew();
  }

  /** @param {WidgetConfig} config */
  #explain({ name, mock, privacy_url: privacy }) {
    this.note.replaceChildren(say(this.words.ai, { name }), mock ? ` ${this.words.mock}` : "");
    if (/^https?:/.test(privacy)) {
      const link = element("a", { href: privacy, target: "_blank", rel: "noopener noreferrer" }, this.words.privacy);
      this.note.append(" ", link);
    }
  }
}
