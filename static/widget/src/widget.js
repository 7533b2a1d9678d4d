/**
 * `ChatbotWidget`: what a page can ask of the chat. There is one on a page: `init` a second time gives the first
 * (a framework's double rendering, a hot reload), and `destroy` leaves nothing behind.
 */
import { Chat } from "./chat.js";
import { ChatAPI } from "./chat_api.js";
import { isolate } from "./isolation.js";
import { speechFor } from "./language.js";
import { Panel } from "./panel.js";
import { sheet } from "./styles.js";

/** @import { Consent } from "./extras/consent.js"
 * @import { Citation, WidgetConfig } from "./types.js"
 * @import { Mounted, WidgetEvents, WidgetOptions } from "./ui.js"
 */

export class ChatbotWidget {
  /** @type {ChatbotWidget | null} */
  static current = null;
  /** Puts the closed chat into the page. The loader has it already, so it hands its own on. @type {(options: WidgetOptions) => Mounted} */
  static mount;
  /** Who asks for consent, where the chat was begun with that. @type {typeof Consent} @internal */
  static Consent;
  /** @type {Map<string, Set<(detail: any) => void>>} */
  #listeners = new Map();
  #mounted;
  /** Its parts, for measurements. @internal */
  panel;
  #chat;
  /** @type {Consent | undefined} */
  #consent;
  /** @type {() => void} */
  #endIsolation;
  /** What had the focus before. @type {Element | null} */
  #before = null;

  /**
   * The chat of this page, made if there is none. Nothing is asked of the server before it is opened.
   * @param {WidgetOptions} [options]
   */
  static init(options = {}) {
    if (!ChatbotWidget.current) {
      ChatbotWidget.current = new ChatbotWidget(ChatbotWidget.mount(options));
      publish();
    }
    if (options.open) ChatbotWidget.current.open({ focus: false });
    return ChatbotWidget.current;
  }

  /** @param {Mounted} mounted */
  constructor(mounted) {
    const { root, launcher, options } = mounted;
    this.#mounted = mounted;
    const told = { ask: (/** @type {string} */ text) => this.send(text), stop: () => this.#chat.stop(), close: () => this.close() };
    const { words, lang, dir, locale } = speechFor(options);
    this.panel = new Panel(told, words, options.position === "left" ? "left" : "right");
    Object.assign(this.panel.node, { lang, dir });
    Object.assign(launcher, { lang, ariaLabel: options.label || words.open });
    this.#chat = new Chat({ ...options, lang: locale }, this.panel, words, (type, detail) => this.#emit(type, detail));
    if (options.consent) this.#consent = new ChatbotWidget.Consent(this.#chat, told.close, (given) => this.#emit("consent", { given }));
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet()];
    root.append(this.panel.node);
    launcher.addEventListener("click", this.toggle);
    this.#endIsolation = isolate(root, {
      keydown: (event) => this.#pressed(event),
      input: () => this.panel.composer.typed(),
    });
  }

  get isOpen() {
    return !this.panel.node.hidden;
  }

  /** @param {{ focus?: boolean }} [how] without focus where it is not the visitor who opens it */
  open({ focus = true } = {}) {
    if (this.isOpen) return;
    this.#before = document.activeElement;
    this.panel.node.hidden = false;
    this.#mounted.launcher.setAttribute("aria-expanded", "true");
    this.#chat.begin();
    this.panel.transcript.grew();
    const { transcript, composer: { input } } = this.panel;
    if (focus) (input.disabled ? transcript.node : input).focus({ preventScroll: true });
    this.#emit("open", undefined);
  }

  close() {
    if (!this.isOpen) return;
    const hadFocus = this.#mounted.root.activeElement !== null;
    this.panel.node.hidden = true;
    this.#mounted.launcher.setAttribute("aria-expanded", "false");
    if (hadFocus) this.#giveBack();
    this.#emit("close", undefined);
  }

  /** The focus goes back to where it came from. */
  #giveBack() {
    const { launcher } = this.#mounted;
    const to = launcher.hidden ? this.#before : launcher;
    if (to instanceof HTMLElement) to.focus({ preventScroll: true });
  }

  toggle = () => (this.isOpen ? this.close() : this.open());

  /** Ask a question, in sight. @param {string} text */
  async send(text) {
    const question = String(text).trim();
    if (!question) return;
    this.open();
    await this.#chat.ask(question);
  }

  /**
   * Show an answer that the page has from elsewhere. @param {string} text Markdown @param {Citation[]} [citations]
   */
  addBotMessage(text, citations) {
    this.#chat.begin();
    const message = this.panel.transcript.addAnswer();
    message.cite(citations ?? []);
    message.write(String(text));
    message.finish();
  }

  /**
   * @template {keyof WidgetEvents} T
   * @param {T} type @param {(detail: WidgetEvents[T]) => void} listener
   */
  on(type, listener) {
    const found = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, found.add(listener));
  }

  /** @param {keyof WidgetEvents} type @param {(detail: any) => void} listener */
  off(type, listener) {
    this.#listeners.get(type)?.delete(listener);
  }

  /** @template {keyof WidgetEvents} T @param {T} type @param {WidgetEvents[T]} detail */
  #emit(type, detail) {
    for (const listener of this.#listeners.get(type) ?? []) {
      // A listener that fails must not end an answer.
      queueMicrotask(() => listener(detail));
    }
  }

  /** Say who the visitor is. @param {string} token signed by the site's server, see docs/bots.md */
  identify(token) {
    this.#chat.token = token;
  }

  /** Forget the visitor (a shared computer, a log-out): the next one begins anew. */
  shutdown() {
    this.close();
    this.#chat.forget();
  }

  /**
   * The visitor agrees, for a page that asks by itself; or takes it back, and is forgotten.
   * @param {boolean} [given]
   */
  consent(given = true) {
    if (!given) this.shutdown();
    this.#consent?.set(given);
  }

  /** Take everything out of the page. What is kept of the visitor stays for the next page, unless `shutdown` came first. */
  destroy() {
    this.#listeners.clear();
    this.#chat.leave();
    this.#consent?.leave();
    this.#endIsolation();
    this.#mounted.leave();
    ChatbotWidget.current = null;
    if (window.ChatbotWidget === ChatbotWidget) {
      delete window.ChatbotWidget;
      if (window.ChatAPI === ChatAPI) delete window.ChatAPI;
    }
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.key === "Escape" && !event.isComposing) this.close();
    else this.panel.composer.pressed(event);
  }
}

/** Methods that a page may call on the class itself, for the chat that is there. */
export const METHODS = /** @type {const} */ ([
  "open", "close", "toggle", "send", "on", "off", "identify", "shutdown", "destroy", "addBotMessage", "consent",
]);

/** Make the class the page's own, for pages that have only the tag. */
export function publish() {
  for (const name of METHODS) {
    /** @type {any} */ (ChatbotWidget)[name] = (/** @type {any[]} */ ...values) => /** @type {any} */ (ChatbotWidget.current)?.[name](...values);
  }
  window.ChatbotWidget = ChatbotWidget;
  window.ChatAPI ??= ChatAPI;
}
