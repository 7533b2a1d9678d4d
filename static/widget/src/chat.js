/**
 * One visitor's talk with one bot: a question goes out, its answer grows in the transcript, and how it ended is told in its
 * own words. No question is ever asked that the visitor does not see.
 */
import { ChatAPI } from "./chat_api.js";
import { colourCode } from "./colour.js";
import { ChatError } from "./failures.js";
import { Memory } from "./memory.js";
import { countdown, notice } from "./notice.js";
import { tint } from "./styles.js";
import { Visits } from "./visits.js";
import { say } from "./words.js";

/** @import { BotMessage } from "./messages.js"
 * @import { Panel } from "./panel.js"
 * @import { Completion, Progress, WidgetConfig } from "./types.js"
 * @import { WidgetEvents, WidgetOptions, Words } from "./ui.js"
 */

/** Ends of an answer that are whole for the server, and not for the visitor. */
const CUT = ["length", "content_filter"];
/** Failures of which the server says more than the widget knows. */
const TOLD_BY_SERVER = ["refused", "rate_limited", "over_budget", "stopped"];

export class Chat {
  /** @type {AbortController | null} */
  #running = null;
  contact = "";

  /**
   * @param {WidgetOptions} options @param {Panel} panel @param {Words} words
   * @param {<T extends keyof WidgetEvents>(type: T, detail: WidgetEvents[T]) => void} emit
   */
  constructor(options, panel, words, emit) {
    this.options = options;
    this.panel = panel;
    this.words = words;
    this.emit = emit;
    this.memory = new Memory(options.key || "");
    this.token = options.visitorToken || "";
    const server = { baseUrl: options.host, key: options.key || "", visitorToken: () => this.token };
    this.api = new ChatAPI({ ...server, debug: options.debug });
    this.visits = new Visits(server);
  }

  /** Ask who the bot is, and show it. What fails is told in the transcript. */
  async begin() {
    try {
      await this.#introduce();
    } catch (error) {
      this.#tellFailure(this.panel.transcript.addAnswer(), error, () => this.begin());
    }
  }

  async #introduce() {
    const config = await this.visits.config();
    this.contact = config.contact;
    tint(this.panel.node, config.theme.accent);
    this.panel.introduce(config);
  }

  /** @param {string} text */
  async ask(text) {
    const { transcript, composer } = this.panel;
    if (this.#running) return composer.keep(text);
    transcript.addQuestion(text);
    this.emit("question", { text });
    composer.setBusy(true);
    this.panel.announce(this.words.answering);
    const message = transcript.addAnswer();
    try {
      this.#complete(message, await this.#send(text, message));
    } catch (error) {
      this.#tellFailure(message, error, () => this.ask(text));
    }
    this.#running = null;
    composer.setBusy(false);
  }

  /** @param {string} text @param {BotMessage} message */
  async #send(text, message) {
    const running = (this.#running = new AbortController());
    const waits = this.#waits(message, () => running.abort());
    try {
      return await this.api.sendMessage([{ role: "user", content: text }], {
        sessionId: this.memory.ids.session,
        conversationId: this.memory.ids.conversation,
        signal: running.signal,
        onChunk: (delta) => message.write(delta),
        onCitations: (citations) => message.cite(citations),
        onState: waits,
      });
    } finally {
      waits({ state: "sending" });
      this.#finish(message);
    }
  }

  /** @param {BotMessage} message */
  #finish(message) {
    message.finish();
    if (this.options.highlight) colourCode(message.content, this.options.host || "").catch(() => {});
  }

  /**
   * Shows each wait for another attempt, and takes it away with the next state.
   * @param {BotMessage} message @param {() => void} cancel
   */
  #waits(message, cancel) {
    /** @type {{ node: HTMLElement, end: () => void } | null} */
    let shown = null;
    /** @param {Progress} progress */
    return (progress) => {
      shown?.end();
      shown = null;
      if (progress.state !== "retrying") return;
      shown = countdown(progress.inMs, progress.now, cancel, this.words);
      this.panel.announce(say(this.words.retrying, { seconds: Math.ceil(progress.inMs / 1000) }));
      this.#under(message, shown.node);
    };
  }

  /** @param {BotMessage} message @param {Completion} completion */
  #complete(message, completion) {
    const { meta, choices, citations = [] } = completion;
    const [{ finish_reason: reason, message: answer }] = choices;
    this.#keep(meta);
    if (meta.messageId) this.#offerRating(message, meta.messageId);
    if (reason && CUT.includes(reason)) this.#tellCut(message, /** @type {"length"} */ (reason));
    this.panel.transcript.grew();
    this.panel.announce(this.#summary(message));
    this.emit("answer", { text: answer.content ?? "", citations, messageId: meta.messageId });
  }

  /** @param {BotMessage} message @param {string} id */
  #offerRating(message, id) {
    const { session: sessionId } = this.memory.ids;
    message.offerRating((rating) => this.visits.feedback({ messageId: id, rating }, { sessionId }));
  }

  /** @param {{ sessionId: string | null, conversationId: string | null } | null} meta */
  #keep(meta) {
    if (meta) this.memory.keep(meta.sessionId ?? undefined, meta.conversationId ?? undefined);
  }

  /** @param {BotMessage} message */
  #summary(message) {
    const { answered, answeredSources } = this.words;
    const { count: sources } = message.sources;
    return say(sources ? answeredSources : answered, { words: message.countOfWords, sources });
  }

  /** @param {BotMessage} message @param {"length" | "content_filter"} reason */
  #tellCut(message, reason) {
    const actions = reason === "length" ? [this.#goOn()] : [];
    this.#under(message, notice({ text: this.words.failures[reason], contact: this.contact, actions }, this.words));
  }

  /** @returns {[string, () => void]} */
  #goOn() {
    return [this.words.continue, () => this.ask(this.words.continueText)];
  }

  /** @param {BotMessage} message @param {unknown} error @param {() => void} again */
  #tellFailure(message, error, again) {
    const failure = error instanceof ChatError ? error : broken(error);
    this.#keep(failure.meta);
    message.finish();
    const text = this.words.failures[failure.state];
    const { requestId } = failure;
    const isWanted = failure.state === "stopped_by_visitor" && failure.partial !== "";
    this.#under(message, notice({
      text, contact: isWanted ? "" : this.contact, requestId: (!isWanted && requestId) || "",
      detail: TOLD_BY_SERVER.includes(failure.state) ? failure.message : "",
      actions: this.#actions(failure, again),
    }, this.words));
    this.panel.announce(text);
    const { state, code, message: told, partial } = failure;
    this.emit("error", { state, code, message: told, requestId, partial });
  }

  /** @param {ChatError} failure @param {() => void} again @returns {Array<[string, () => void]>} */
  #actions(failure, again) {
    if (failure.canContinue) return [this.#goOn()];
    return failure.canRetry ? [[this.words.again, again]] : [];
  }

  /** @param {BotMessage} message @param {HTMLElement} node */
  #under(message, node) {
    message.node.append(node);
    this.panel.transcript.grew();
  }

  stop() {
    this.#running?.abort();
  }

  /** Forget who the visitor is, here and in the page. */
  forget() {
    this.stop();
    this.memory.forget();
    this.token = "";
    this.panel.transcript.clear();
  }
}

/** A fault of the widget's own: told as one, and not swallowed. @param {unknown} error */
function broken(error) {
  console.error("[ChatbotWidget]", error);
  return new ChatError("unavailable", "widget_error", "", error);
}
