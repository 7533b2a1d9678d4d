/** The open chat: a named dialog that is not modal, so the page behind stays in use; in an element of the page's, a region. */
import { Composer } from "./composer.js";
import { ACT, button, element, iconButton, ICONS } from "./dom.js";
import { Transcript } from "./transcript.js";
import { say } from "./words.js";

/** @import { WidgetConfig } from "./types.js"
 * @import { WidgetOptions, Words } from "./ui.js" */

export class Panel {
  /**
   * @param {{ ask: (text: string) => void, stop: () => void, close: () => void, menu: () => void }} told
   * @param {Words} words @param {WidgetOptions} options
   */
  constructor(told, words, { position, theme, container }) {
    this.words = words;
    this.told = told;
    this.theme = theme;
    this.transcript = new Transcript(words);
    this.composer = new Composer(told, words);
    this.status = element("div", { class: "sr", role: "status" });
    /** What Escape closes before the chat. @type {(() => void) | null} */
    this.popup = null;
    this.menu = iconButton(words.menu, ICONS.more, told.menu);
    this.menu.setAttribute("aria-expanded", "false");
    this.heading = element("h2", { id: "title" }, words.title);
    this.note = element("div", { class: "note", part: "note" });
    const side = position === "left" ? " left" : "";
    this.node = /** @type {HTMLDialogElement} */ (element(
      container ? "section" : "dialog",
      { class: `panel ${theme || "auto"}${container ? " inline" : side}`, part: "panel", "aria-labelledby": "title", hidden: true },
      element("header", { part: "header", role: "none" }, this.heading, this.menu, iconButton(words.close, ICONS.close, told.close)),
      this.transcript.node,
      this.composer.node,
      this.note,
      this.status,
    ));
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
    const { mode } = config.theme;
    if (!this.theme && (mode === "light" || mode === "dark")) this.node.classList.replace("auto", mode);
    if (!config.stopped) this.#greet(config);
    this.#explain(config);
  }

  /** @param {WidgetConfig} config */
  #greet({ greeting, suggestions }) {
    const { transcript } = this;
    if (greeting) transcript.greet(greeting);
    const buttons = suggestions.map((text) => button(text, () => this.told.ask(text)));
    if (buttons.length) transcript.opening.append(element("div", { class: `suggestions ${ACT}` }, ...buttons));
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
