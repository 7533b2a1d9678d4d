/**
 * `ChatbotWidget`: what a page can ask of the chat. There is one on a page: `init` a second time gives the first
 * (a framework's double rendering, a hot reload), and `destroy` leaves nothing behind.
 */
import { Chat } from "./chat.js";
import { ChatAPI } from "./chat_api.js";
import { fault } from "./dom.js";
import { extra } from "./extra.js";
import { isolate } from "./isolation.js";
import { speechFor } from "./language.js";
import { Panel } from "./panel.js";
import { SMALL_WINDOW } from "./small_window.js";
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
  /** @internal */
  mounted;
  /** Its parts, for measurements. @internal */
  panel;
  #chat;
  /** What ends with the chat. @type {Array<() => void>} */
  #ends;
  /** To a small window. @type {((isWanted?: boolean) => void) | undefined} */
  #fit;
  /** @type {Consent | undefined} */
  #consent;
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
    this.mounted = mounted;
    const told = {
      ask: (/** @type {string} */ text) => this.send(text), stop: () => this.#chat.stop(), close: () => this.close(),
      menu: () => this.#chat.more((more) => more.openMenu(this.#chat)),
    };
    const { words, lang, dir, locale } = speechFor(options);
    this.panel = new Panel(told, words, options);
    Object.assign(this.panel.node, { lang, dir });
    Object.assign(launcher, { lang, ariaLabel: options.label || words.open });
    this.#chat = new Chat(this, { ...options, lang: locale }, this.panel, words);
    if (options.consent) this.#consent = new ChatbotWidget.Consent(this.#chat, told.close, (given) => this.emit("consent", { given }));
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet()];
    root.append(this.panel.node);
    launcher.addEventListener("click", this.toggle);
    this.#ends = [isolate(root, {
      keydown: (event) => this.#pressed(event),
      input: () => this.panel.composer.typed(),
    })];
    new ResizeObserver(this.panel.transcript.grew).observe(this.panel.transcript.node);
    this.#place();
  }

  #place() {
    const { panel, mounted } = this;
    const { signal } = this.#chat.life;
    if (this.#isInline) return this.#with("inline", ({ settle }) => this.#ends.push(settle(mounted, () => this.open({ focus: false }))));
    const small = matchMedia(SMALL_WINDOW);
    const fill = () => small.matches && !this.#fit && this.#with("window", ({ fillWindow }) => this.#fill(fillWindow(panel)));
    small.addEventListener("change", fill, { signal });
    fill();
    // What has the focus in the page is not to be hidden.
    const aside = () => this.#with("aside", ({ stepAside }) => stepAside(mounted, panel.node, signal));
    addEventListener("focusin", aside, { once: true, signal });
  }

  /** What comes only where it is wanted; the chat goes on without it. @param {string} name @param {(file: any) => void} then */
  #with(name, then) {
    extra(this.mounted.options, name).then((file) => this.#chat.life.signal.aborted || then(file)).catch(fault);
  }

  /** @param {[fit: (isWanted?: boolean) => void, end: () => void]} filled see `extras/window.js` */
  #fill([fit, end]) {
    this.#fit = fit;
    this.#ends.push(end);
    fit();
  }

  /** In an element of the page's: open for good. */
  get #isInline() {
    return Boolean(this.mounted.options.container);
  }

  get isOpen() {
    return !this.panel.node.hidden;
  }

  /** @param {{ focus?: boolean }} [how] without focus where it is not the visitor who opens it */
  open({ focus = true } = {}) {
    if (this.isOpen) return;
    this.#before = document.activeElement;
    this.panel.node.hidden = false;
    this.mounted.launcher.setAttribute("aria-expanded", "true");
    this.#chat.begin();
    this.panel.transcript.grew();
    const { transcript, composer: { input } } = this.panel;
    this.#fit?.(focus);
    if (focus) (input.disabled ? transcript.node : input).focus({ preventScroll: true });
    this.emit("open", undefined);
  }

  close() {
    if (!this.isOpen || this.#isInline) return;
    const hadFocus = this.mounted.root.activeElement !== null;
    this.panel.node.hidden = true;
    this.#fit?.(false);
    this.mounted.launcher.setAttribute("aria-expanded", "false");
    if (hadFocus) this.#giveBack();
    this.emit("close", undefined);
  }

  /** The focus goes back to where it came from. */
  #giveBack() {
    const { launcher } = this.mounted;
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
    this.#chat.more((more) => more.arrived(this.#chat));
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

  /** @internal @template {keyof WidgetEvents} T @param {T} type @param {WidgetEvents[T]} detail */
  emit(type, detail) {
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
    this.#chat.tell({ type: "forgot" });
    this.#chat.forget();
    if (this.isOpen) this.#chat.begin();
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
    this.close();
    this.#chat.destroy();
    this.#consent?.leave();
    for (const end of this.#ends) end();
    this.mounted.leave();
    ChatbotWidget.current = null;
    if (window.ChatbotWidget === ChatbotWidget) {
      delete window.ChatbotWidget;
      if (window.ChatAPI === ChatAPI) delete window.ChatAPI;
    }
  }

  /** The visitor goes on with another conversation; this one is kept. */
  newConversation() {
    this.#chat.more((more) => more.renew(this.#chat));
  }

  /** Delete the conversation on the server; gives its receipt, null where there was none. */
  forgetConversation() {
    return this.#chat.withMore((more) => more.forgetConversation(this.#chat));
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const { panel } = this;
    if (event.key === "Escape" && !event.isComposing) (panel.popup ?? (() => this.close()))();
    else if (event.key === "End" && event.altKey) this.#chat.more((more) => more.goToNewest(this.#chat));
    else this.panel.composer.pressed(event);
  }
}

/** Methods that a page may call on the class itself, for the chat that is there. */
export const METHODS = /** @type {const} */ ([
  "open", "close", "toggle", "send", "on", "off", "identify", "shutdown", "destroy", "addBotMessage", "consent", "newConversation",
  "forgetConversation",
]);

/** Make the class the page's own, for pages that have only the tag. */
export function publish() {
  for (const name of METHODS) {
    /** @type {any} */ (ChatbotWidget)[name] = (/** @type {any[]} */ ...values) => /** @type {any} */ (ChatbotWidget.current)?.[name](...values);
  }
  window.ChatbotWidget = ChatbotWidget;
  window.ChatAPI ??= ChatAPI;
}
