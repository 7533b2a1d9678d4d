/**
 * The visitor's consent, where the owner wants it first: loaded before the chat is made. Until it is given nothing is stored, and
 * nothing is sent but the request for what the bot shows of itself, made when the chat is opened: its name and its
 * privacy link are needed to agree to anything. It is remembered beside the ids, so every tab of the site knows it, and to
 * forget the visitor forgets it.
 */
import { button, drop, element } from "../dom.js";
import { MORE_WORDS, say, speak } from "../words.js";

/** @import { Chat } from "../chat.js"
 * @import { WidgetConfig } from "../types.js" */

/** Stands before the chat: what would send or store something goes through here. */
export class Consent {
  #chat;
  #words;
  #forget;
  #introduce;
  /** What the bot shows of itself, while its visitor is asked. @type {WidgetConfig | undefined} */
  #config;
  /** @type {HTMLElement | undefined} */
  #card;
  #left = new AbortController();
  /** As this tab knows it. */
  #wasMissing = true;

  /**
   * @param {Chat} chat @param {() => void} decline what a "no" does
   * @param {(given: boolean) => void} tell
   */
  constructor(chat, decline, tell) {
    const { panel, ask, begin, forget } = chat;
    this.#chat = chat;
    this.#words = { ...MORE_WORDS, ...chat.words };
    this.#introduce = panel.introduce;
    this.#forget = forget;
    this.decline = decline;
    this.tell = tell;
    // This file's own `say`.
    speak(panel.node.lang);
    chat.ask = async (text, before) => (this.isMissing ? panel.composer.keep(text) : ask.call(chat, text, before));
    chat.begin = () => (this.isMissing && panel.node.hidden) || begin.call(chat);
    chat.forget = () => this.#forgotten();
    panel.introduce = (config) => this.#introduced(config);
    window.addEventListener("storage", () => this.#heard(), { signal: this.#left.signal });
    this.#heed();
  }

  get isMissing() {
    return !this.#chat.memory.ids.consent;
  }

  /** The field is for those who agreed. */
  #heed() {
    const { input, send } = this.#chat.panel.composer;
    input.disabled = send.disabled = this.#wasMissing = this.isMissing;
  }

  #forgotten() {
    this.#forget.call(this.#chat);
    this.#config = undefined;
    this.#heed();
  }

  /** Who has agreed is greeted; else the question stands in the greeting's place. @param {WidgetConfig} config */
  #introduced(config) {
    const { panel } = this.#chat;
    this.#introduce.call(panel, config);
    if (!this.isMissing || config.stopped) return;
    const text = say(this.#words.consentText, { name: config.name, days: config.retention_days });
    this.#config = config;
    this.#card = this.#asking(text, config.privacy_url);
    panel.transcript.opening.replaceChildren(this.#card);
    panel.announce(text);
  }

  /** @param {string} text @param {string} privacy */
  #asking(text, privacy) {
    const { consentYes, consentNo } = this.#words;
    const said = element("p", {}, text);
    const row = element("div", { class: "row" }, button(consentYes, () => this.#accept()), button(consentNo, () => this.#refuse()));
    if (/^https?:/.test(privacy)) {
      said.append(" ", element("a", { href: privacy, target: "_blank", rel: "noopener noreferrer" }, this.#words.privacy));
    }
    return element("div", { class: "notice consent" }, said, row);
  }

  /** WebKit gives a pressed button no focus that could be handed on. */
  #accept() {
    this.set(true);
    this.#chat.panel.composer.input.focus();
  }

  #refuse() {
    this.tell(false);
    this.decline();
  }

  /** @param {boolean} given what was kept of who takes it back is forgotten already */
  set(given) {
    const { memory } = this.#chat;
    if (given && !this.isMissing) return;
    if (given) {
      memory.keep({ consent: 1 });
    }
    this.#changed();
  }

  /** It was given or taken back, here or in another tab. */
  #changed() {
    const { panel } = this.#chat;
    this.#heed();
    if (this.#card) drop(this.#card, panel.composer.input);
    if (this.#config && !this.isMissing) this.#introduce.call(panel, this.#config);
    this.#card = this.#config = undefined;
    this.tell(!this.isMissing);
  }

  /** Another tab of the site has stored something. */
  #heard() {
    const chat = this.#chat;
    if (this.#wasMissing === this.isMissing) return;
    if (this.isMissing) chat.forget();
    this.#changed();
    chat.begin();
  }

  leave() {
    this.#left.abort();
  }
}
