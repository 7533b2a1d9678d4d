/**
 * The chat on this page, by the very tag that the editor writes. Attributes are read once, when the tag runs, so another
 * tag takes its place when they change; custom properties are followed at once.
 */
import { attributesOf, propertiesOf, ruleOf } from "./tag.js";

/** @import { Choice } from "./tag.js" */

const look = new CSSStyleSheet();
document.adoptedStyleSheets = [...document.adoptedStyleSheets, look];

/** @returns {any} */
const widget = () => Reflect.get(window, "ChatbotWidget");

export class Live {
  isOpen;
  #base;
  #shown = "";
  /** Tags run one after another: one that is taken out before it has run would run all the same. */
  #before = Promise.resolve();
  /** @type {HTMLScriptElement | null} */
  #tag = null;

  /** @param {string} base where the server is @param {boolean} isOpen at first */
  constructor(base, isOpen) {
    this.#base = base;
    this.isOpen = isOpen;
  }

  /** @param {string} key @param {Choice} choice */
  show(key, choice) {
    look.replaceSync(ruleOf(propertiesOf(choice)));
    const attributes = attributesOf(key, choice);
    const asked = JSON.stringify(attributes);
    if (asked === this.#shown) return;
    this.#shown = asked;
    this.#before = this.#before.then(() => this.#place(attributes));
  }

  /** Open it, and go to its field, where it is open already too. */
  open() {
    widget()?.close();
    widget()?.open();
  }

  /** @param {[string, string][]} attributes */
  async #place(attributes) {
    widget()?.destroy();
    this.#tag?.remove();
    const tag = (this.#tag = document.createElement("script"));
    for (const [name, value] of attributes) tag.setAttribute(`data-${name}`, value);
    if (this.isOpen) tag.dataset.open = "";
    tag.src = `${this.#base}/static/widget/js/chatbot-widget.js`;
    const ran = new Promise((done) => (tag.onload = tag.onerror = done));
    document.head.append(tag);
    await ran;
    for (const type of ["open", "close"]) widget()?.on(type, () => (this.isOpen = type === "open"));
  }
}
