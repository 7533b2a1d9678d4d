/**
 * One visitor's talk with one bot: a question goes out, its answer grows in the transcript, and how it ended is told in its
 * own words. No question is ever asked that the visitor does not see.
 */
import { ChatAPI } from "./chat_api.js";
import { colourCode } from "./colour.js";
import { drop } from "./dom.js";
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
  /** The visitor: ends of what an earlier one began are nobody's. */
  #visit = new AbortController();
  /** @type {Promise<void> | null} */
  #introduced = null;
  /** Why the bot could not be shown. @type {ChatError | null} */
  #refusal = null;
  /** What the last wait was for. @type {ChatError | null} */
  #waited = null;
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
    const server = { baseUrl: options.host, key: options.key || "", visitorToken: () => this.token, locale: options.lang };
    this.api = new ChatAPI({ ...server, debug: options.debug });
    this.visits = new Visits(server);
  }

  /** Ask who the bot is, and show it, once. What fails is told where the greeting would be. */
  begin() {
    this.#introduced ??= this.#introduce(this.#visit.signal);
  }

  /** @param {AbortSignal} visit */
  async #introduce(visit) {
    const { opening } = this.panel.transcript;
    try {
      const config = await this.visits.config({ signal: visit });
      opening.replaceChildren();
      this.#refusal = null;
      this.#show(config);
    } catch (error) {
      if (visit.aborted) return;
      this.#introduced = null;
      this.#refusal = asFailure(error);
      this.#tellOpening(this.#refusal);
    }
  }

  /** @param {WidgetConfig} config */
  #show(config) {
    this.contact = config.contact;
    tint(this.panel.node, config.theme.accent);
    this.panel.introduce(config);
    const { stopped: text } = this.words.failures;
    if (config.stopped) this.#under(this.panel.transcript.opening, this.#notice({ text, detail: config.stopped }));
  }

  /** @param {ChatError} failure */
  #tellOpening(failure) {
    const { opening } = this.panel.transcript;
    const { notHere, failures } = this.words;
    const text = failure.state === "refused" ? notHere : failures[failure.state];
    for (const old of [...opening.children]) drop(old, this.panel.composer.input);
    this.#under(opening, this.#notice({ text, detail: detailOf(failure), actions: this.#actions(failure, () => this.begin()) }));
    this.panel.announce(text);
  }

  /** @param {string} text */
  async ask(text) {
    const { transcript, composer } = this.panel;
    if (this.#running) return composer.keep(text);
    const { signal: visit } = this.#visit;
    transcript.retire(composer.input);
    transcript.addQuestion(text);
    this.emit("question", { text });
    composer.setBusy(true);
    this.panel.announce(this.words.answering);
    const message = transcript.addAnswer();
    try {
      const completion = await this.#send(text, message);
      if (!visit.aborted) this.#complete(message, completion);
    } catch (error) {
      if (!visit.aborted) this.#tellFailure(message, asFailure(error), () => this.ask(text));
    } finally {
      if (!visit.aborted) this.#free();
    }
  }

  #free() {
    this.#running = null;
    this.panel.composer.setBusy(false);
  }

  /** @param {string} text @param {BotMessage} message */
  async #send(text, message) {
    const running = (this.#running = new AbortController());
    const waits = this.#waits(message, () => running.abort());
    this.#waited = null;
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
      waits(null);
      this.#finish(message);
    }
  }

  /** @param {BotMessage} message */
  #finish(message) {
    message.finish();
    if (this.options.highlight) colourCode(message.content, this.options.host || "").catch(() => {});
  }

  /**
   * Shows each wait for another attempt, and takes it away with the next state; null: there is no next.
   * @param {BotMessage} message @param {() => void} cancel
   */
  #waits(message, cancel) {
    const { waiting, retrying } = this.words;
    const next = this.panel.composer.input;
    /** @type {{ node: HTMLElement, end: () => void } | null} */
    let shown = null;
    /** @param {Progress | null} progress */
    return (progress) => {
      shown?.end();
      shown = null;
      if (progress) this.#waited = progress.state === "retrying" ? progress.error : null;
      if (progress?.state !== "retrying") return;
      const why = progress.error.state === "rate_limited" ? waiting : retrying;
      shown = countdown(progress.inMs, why, progress.now, cancel, next, this.words);
      this.panel.announce(say(why, { seconds: Math.ceil(progress.inMs / 1000) }));
      this.#under(message.node, shown.node);
    };
  }

  /** @param {BotMessage} message @param {Completion} completion */
  #complete(message, completion) {
    const { meta, choices, citations = [] } = completion;
    const [{ finish_reason: reason, message: answer }] = choices;
    const isCut = reason !== null && CUT.includes(reason);
    this.#keep(meta);
    if (meta.messageId) this.#offerRating(message, meta.messageId);
    if (isCut) this.#tellCut(message, /** @type {"length"} */ (reason));
    this.panel.announce(isCut ? this.words.failures[/** @type {"length"} */ (reason)] : this.#summary(message));
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
    this.#under(message.node, this.#notice({ text: this.words.failures[reason], actions }));
  }

  /** @returns {[string, () => void]} */
  #goOn() {
    return [this.words.continue, () => this.ask(this.words.continueText)];
  }

  /** @param {BotMessage} message @param {ChatError} failure @param {() => void} again */
  #tellFailure(message, failure, again) {
    this.#keep(failure.meta);
    message.finish();
    const shown = this.#reason(failure);
    const isWanted = shown.state === "stopped_by_visitor";
    const text = this.words.failures[shown.state];
    this.#under(message.node, this.#notice({
      text, contact: isWanted ? "" : this.contact, requestId: (!isWanted && shown.requestId) || "",
      detail: detailOf(shown), actions: this.#actions(failure, again),
    }));
    this.panel.announce(text);
    const { state, code, message: told, partial, requestId } = failure;
    this.emit("error", { state, code, message: told, requestId, partial });
  }

  /** What a visitor is told: who cancels a wait, why there was one; on a page that is not listed, that. @param {ChatError} failure */
  #reason(failure) {
    if (failure.state === "stopped_by_visitor") return this.#waited ?? failure;
    return failure.state === "offline" && this.#refusal?.state === "refused" ? this.#refusal : failure;
  }

  /** @param {Partial<Parameters<typeof notice>[0]> & { text: string }} told */
  #notice(told) {
    return notice({ contact: this.contact, actions: [], ...told }, this.words);
  }

  /** @param {ChatError} failure @param {() => void} again @returns {Array<[string, () => void]>} */
  #actions(failure, again) {
    if (failure.canContinue) return [this.#goOn()];
    return failure.canRetry ? [[this.words.again, again]] : [];
  }

  /** @param {HTMLElement} above @param {HTMLElement} node */
  #under(above, node) {
    above.append(node);
    this.panel.transcript.grew();
  }

  stop() {
    this.#running?.abort();
  }

  /** Nothing that is under way matters any more. */
  leave() {
    this.#visit.abort();
    this.stop();
  }

  /** Forget who the visitor is, here and in the page; the next one begins anew. */
  forget() {
    this.leave();
    this.#visit = new AbortController();
    this.#introduced = null;
    this.#running = null;
    this.memory.forget();
    this.token = "";
    this.panel.announce("");
    this.panel.composer.clear();
    this.panel.transcript.clear();
  }
}

/** @param {ChatError} failure */
const detailOf = (failure) => (TOLD_BY_SERVER.includes(failure.state) ? failure.message : "");

/** A fault of the widget's own is told as one, and not swallowed. @param {unknown} error */
function asFailure(error) {
  if (error instanceof ChatError) return error;
  console.error("[ChatbotWidget]", error);
  return new ChatError("unavailable", "widget_error", "", error);
}
