/** Where a question is written: Enter sends, Shift+Enter is a line, and a text that an input method is still composing is
 * left alone. */
import { element, iconButton, ICONS } from "./dom.js";
import { say } from "./words.js";

/** @import { Words } from "./ui.js" */

export class Composer {
  /** Characters of a question; the bot's limit. */
  most = Infinity;

  /** @param {{ ask: (text: string) => void, stop: () => void }} told @param {Words} words */
  constructor({ ask, stop }, words) {
    this.words = words;
    this.ask = ask;
    this.input = element("textarea", { part: "input", rows: "1", "aria-label": words.input, placeholder: words.placeholder, dir: "auto" });
    this.send = iconButton(words.send, ICONS.send, () => this.submit());
    this.stop = iconButton(words.stop, ICONS.stop, stop);
    this.over = element("span", { class: "sr", role: "status" });
    this.node = element("form", { part: "composer" }, this.input, this.send, this.stop, this.over);
    this.node.addEventListener("submit", (event) => event.preventDefault());
    this.setBusy(false);
  }

  /** @param {boolean} isBusy an answer is under way: it can be stopped, and no second question be asked */
  setBusy(isBusy) {
    this.isBusy = isBusy;
    const hadFocus = this.send.matches(":focus") || this.stop.matches(":focus");
    this.send.hidden = isBusy;
    this.stop.hidden = !isBusy;
    if (hadFocus) this.input.focus();
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    // 229: Safari's key for one that its input method takes, where isComposing is false already.
    const isComposed = event.isComposing || event.keyCode === 229;
    if (event.key !== "Enter" || event.shiftKey || isComposed || event.composedPath()[0] !== this.input) return;
    event.preventDefault();
    this.submit();
  }

  submit() {
    const text = this.input.value.trim();
    if (!text || this.isBusy || !this.#fits(text)) return;
    this.input.value = "";
    this.typed();
    this.ask(text);
  }

  /** A question that came while another is answered: it waits here, where it is seen. @param {string} text */
  keep(text) {
    this.input.value = [this.input.value, text].filter(Boolean).join("\n");
    this.typed();
  }

  /** What is written changed: the field grows with it, and a complaint goes as soon as it is mended. */
  typed() {
    const { style } = this.input;
    if (!CSS.supports("field-sizing:content")) {
      style.height = "auto";
      style.height = `${this.input.scrollHeight}px`;
    }
    if (this.over.textContent) this.#fits(this.input.value.trim());
  }

  clear() {
    this.input.value = "";
    this.typed();
    this.setBusy(false);
  }

  /** @param {string} text */
  #fits(text) {
    const over = text.length - this.most;
    this.over.textContent = over > 0 ? say(this.words.tooLong, { over }) : "";
    this.over.className = over > 0 ? "over" : "sr";
    this.input.setAttribute("aria-invalid", String(over > 0));
    return over <= 0;
  }
}
