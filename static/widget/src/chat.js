/**
 * One visitor's talk with one bot: a question goes out, its answer grows in the transcript, and how it ended is told in its
 * own words. No question is ever asked that the visitor does not see.
 */
import { ChatAPI } from "./chat_api.js";
import { Connection } from "./connection.js";
import { drop, fault } from "./dom.js";
import { extra } from "./extra.js";
import { ChatError } from "./failures.js";
import { Memory } from "./memory.js";
import { countdown, notice } from "./notice.js";
import { tint } from "./styles.js";
import { config } from "./visits.js";
import { say } from "./words.js";

/** @import { Panel } from "./panel.js"
 * @import { Told } from "./more/tabs.js"
 * @import { Turn } from "./transcript.js"
 * @import { Citation, Meta, Progress, WidgetConfig } from "./types.js"
 * @import { WidgetOptions, Words } from "./ui.js"
 * @import { ChatbotWidget } from "./widget.js"
 */

/** Ends of an answer that are whole for the server, and not for the visitor. */
const CUT = ["length", "content_filter"];
/** Failures of which the server says more than the widget knows. */
const TOLD_BY_SERVER = ["refused", "rate_limited", "over_budget", "stopped"];

/**
 * @typedef {Pick<ChatError, "state" | "code" | "message" | "partial" | "requestId" | "canRetry" | "canContinue" | "meta">} Failed
 * @typedef {{ meta: Meta | null, reason: string | null, failure: Failed | null }} End how an answer ended
 * @typedef {object} Watch told of each step
 * @property {(turn: Turn, work: Promise<unknown>) => void} asked
 * @property {(text: string) => void} said
 * @property {(citations: Citation[]) => void} cited
 * @property {(end: End) => void} ended
 * @property {() => void} greeted a tab has come that asks what is under way
 */

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
  /** @type {Promise<typeof import("./more/index.js")> | undefined} */
  #rest;
  /** @type {BroadcastChannel | undefined} */
  #channel;
  /** @type {WidgetConfig | null} */
  config = null;
  /** The newest turn. @type {Turn | null} */
  last = null;
  contact = "";
  /** The answer that is on its way to this tab. @type {Promise<unknown> | null} */
  answering = null;
  /** How the last answer to this tab ended. @type {End | null} */
  told = null;
  /** @type {Watch | null} */
  watch = null;
  /** Ends its listeners. */
  life = new AbortController();
  /** The clock of sentences that are read aloud, see more/speak.js. @type {ReturnType<typeof setInterval> | undefined} */
  speaks;

  /**
   * @param {ChatbotWidget} widget @param {WidgetOptions} options @param {Panel} panel @param {Words} words
   */
  constructor(widget, options, panel, words) {
    this.widget = widget;
    this.options = options;
    this.panel = panel;
    this.words = words;
    this.memory = new Memory(options.key || "");
    this.token = options.visitorToken || "";
    const server = { baseUrl: options.host, key: options.key || "", visitorToken: () => this.token, locale: options.lang };
    this.api = new ChatAPI({ ...server, debug: options.debug });
    this.server = new Connection(server);
    this.name = `chatbot:${options.key}`;
    if (typeof BroadcastChannel !== "function") return;
    this.#channel = new BroadcastChannel(this.name);
    this.#channel.onmessage = ({ data }) => this.#introduced && this.more((more) => more.hear(this, data));
  }

  /** To the same chat in other tabs. @param {Told} told */
  tell(told) {
    this.#channel?.postMessage(told);
  }

  /**
   * What is not needed for a first answer is loaded when it is wanted.
   * @param {(more: typeof import("./more/index.js")) => any} then
   */
  async withMore(then) {
    const visit = this.#visit.signal;
    // Once: what other tabs tell while it loads is heard in its order.
    const more = await (this.#rest ??= import("./more/index.js"));
    if (visit.aborted) return undefined;
    more.attach(this);
    return then(more);
  }

  /** The same, without which the chat goes on. @param {(more: typeof import("./more/index.js")) => unknown} then */
  more(then) {
    this.withMore(then).catch((error) => {
      fault(error);
      this.#rest = undefined;
    });
  }

  /** Ask who the bot is, and show it, once. What fails is told where the greeting would be. */
  begin() {
    if (this.#introduced) return;
    this.#introduced = this.#introduce(this.#visit.signal);
    const { conversation, speaks } = this.memory.ids;
    if (conversation || speaks || this.options.announce) this.more((more) => more.resume(this));
  }

  /** @param {AbortSignal} visit */
  async #introduce(visit) {
    const { opening } = this.panel.transcript;
    try {
      const told = (this.config = await config(this.server, this.options.key || "", visit));
      opening.replaceChildren();
      this.#refusal = null;
      this.#show(told);
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
    if (config.perceived || this.options.debug) extra(this.options, "timing").then((more) => more.attach(this), fault);
    if (config.stopped) this.under(this.panel.transcript.opening, this.notice({ text: this.words.failures.stopped, detail: config.stopped }));
  }

  /** @param {ChatError} failure */
  #tellOpening(failure) {
    const { opening } = this.panel.transcript;
    const { notHere, failures } = this.words;
    const text = failure.state === "refused" ? notHere : failures[failure.state];
    for (const old of [...opening.children]) drop(old, this.panel.composer.input);
    this.under(opening, this.notice({ text, detail: detailOf(failure), actions: this.#actions(failure, () => this.begin()) }));
    this.panel.announce(text);
  }

  /**
   * @param {string} text
   * @param {Turn | null} [before] whose place it takes: what is asked again, or asked otherwise
   */
  async ask(text, before) {
    if (this.panel.composer.isBusy) return this.panel.composer.keep(text);
    const { signal: visit } = this.#visit;
    const turn = this.begun(text, before);
    this.widget.emit("question", { text });
    const asking = (this.answering = this.#send(turn));
    this.watch?.asked(turn, asking);
    this.more(() => {});
    try {
      const { meta, choices, citations = [] } = await asking;
      if (visit.aborted) return;
      const [{ finish_reason: reason, message }] = choices;
      this.#end({ meta, reason, failure: null });
      const { messageId, timings } = meta;
      this.widget.emit("answer", { text: message.content ?? "", citations, messageId, timings });
    } catch (error) {
      if (visit.aborted) return;
      const failure = asFailure(error);
      const { state, code, message, partial, requestId } = failure;
      this.#end({ meta: failure.meta, reason: null, failure: this.#toTell(failure) });
      this.widget.emit("error", { state, code, message: message, requestId, partial });
    }
  }

  /** The answer that this tab asked for ended. @param {End} end */
  #end(end) {
    this.answering = null;
    this.told = end;
    this.watch?.ended(end);
    this.ended(end);
  }

  /** A turn is under way, here or in another tab. @param {string} text @param {Turn | null} [before] */
  begun(text, before) {
    const { transcript, composer } = this.panel;
    transcript.retire(composer.input);
    composer.setBusy(true);
    this.panel.announce(this.words.answering);
    return (this.last = transcript.begin(text, before ?? undefined));
  }

  /** The newest turn has ended, here or in another tab. @param {End} end */
  ended({ meta, reason, failure }) {
    const turn = /** @type {Turn} */ (this.last);
    const { message } = turn;
    this.#running = null;
    this.panel.composer.setBusy(false);
    message.finish();
    if (meta) this.memory.keep({ session: meta.sessionId ?? "", conversation: meta.conversationId ?? "" });
    if (!failure || message.text || !turn.id) turn.id = meta?.messageId ?? turn.id;
    if (failure) this.#tellFailure(turn, failure);
    else this.#complete(turn, reason);
  }

  /** @param {Turn} turn */
  async #send({ text, message, id }) {
    const running = (this.#running = new AbortController());
    const waits = this.#waits(message.node, () => running.abort());
    const { session: sessionId, conversation: conversationId } = this.memory.ids;
    this.#waited = null;
    try {
      return await this.api.sendMessage([{ role: "user", content: text }], {
        sessionId, conversationId,
        replaces: id,
        signal: running.signal,
        onChunk: (said) => {
          message.write(said);
          this.watch?.said(said);
        },
        onCitations: (citations) => {
          message.cite(citations);
          this.watch?.cited(citations);
        },
        onState: waits,
      });
    } finally {
      waits(null);
    }
  }

  /**
   * Shows each wait for another attempt, and takes it away with the next state; null: there is no next.
   * @param {HTMLElement} above @param {() => void} cancel
   */
  #waits(above, cancel) {
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
      this.under(above, shown.node);
    };
  }

  /** @param {Turn} turn @param {string | null} reason */
  #complete(turn, reason) {
    const isCut = reason !== null && CUT.includes(reason);
    const cut = this.words.failures[/** @type {"length"} */ (reason)];
    if (isCut) this.under(turn.message.node, this.notice({ text: cut, actions: reason === "length" ? [this.goOn()] : [] }));
    this.more((more) => {
      if (!isCut) more.summarise(this, turn);
      more.arrived(this);
      more.offer(this, turn);
      if (!isCut) more.followUps(this);
    });
    if (isCut) this.panel.announce(cut);
  }

  /** @returns {[string, () => void]} */
  goOn() {
    return [this.words.continue, () => this.ask(this.words.continueText)];
  }

  /** @param {Turn} turn @param {Failed} failure */
  #tellFailure(turn, failure) {
    const { text, message, before } = turn;
    // What was asked again in vain is not lost: its answer is still there.
    const isAgain = before?.text === text && before.message.text && !message.text;
    if (isAgain) message.node.replaceWith((this.last = before).message.node);
    const { node } = isAgain ? before.message : message;
    const isWanted = failure.state === "stopped_by_visitor";
    const told = this.words.failures[failure.state];
    this.under(node, this.notice({
      text: told, contact: isWanted ? "" : this.contact, requestId: (!isWanted && failure.requestId) || "",
      detail: detailOf(failure), actions: this.#actions(failure, () => this.ask(text, isAgain ? before : turn)),
    }));
    this.panel.announce(told);
  }

  /**
   * What a visitor is told: who cancels a wait, why there was one; on a page that is not listed, that.
   * @param {ChatError} failure @returns {Failed}
   */
  #toTell(failure) {
    const { canRetry, canContinue, partial, meta } = failure;
    const isWaited = failure.state === "stopped_by_visitor" && this.#waited;
    const isRefused = failure.state === "offline" && this.#refusal?.state === "refused" && this.#refusal;
    const { state, code, message, requestId } = isWaited || isRefused || failure;
    return { state, code, message, requestId, canRetry, canContinue, partial, meta };
  }

  /** @param {Partial<Parameters<typeof notice>[0]> & { text: string }} told */
  notice(told) {
    return notice({ contact: this.contact, actions: [], ...told }, this.words);
  }

  /** @param {Pick<Failed, "canRetry" | "canContinue">} failure @param {() => void} again @returns {Array<[string, () => void]>} */
  #actions(failure, again) {
    if (failure.canContinue) return [this.goOn()];
    return failure.canRetry ? [[this.words.again, again]] : [];
  }

  /** @param {HTMLElement} above @param {HTMLElement} node */
  under(above, node) {
    above.append(node);
    this.panel.transcript.grew();
  }

  stop() {
    if (this.#running) this.#running.abort();
    else this.tell({ type: "stop" });
  }

  destroy() {
    this.leave();
    this.life.abort();
    this.#channel?.close();
  }

  /** Nothing that is under way matters any more. */
  leave() {
    this.#visit.abort();
    this.#running?.abort();
    clearInterval(this.speaks);
    this.answering = null;
  }

  /** Another conversation of the same visitor. */
  renew() {
    this.#empty();
    this.memory.leaveConversation();
    if (!this.panel.node.hidden) this.begin();
  }

  /** Forget who the visitor is, here and in the page; the next one begins anew. */
  forget() {
    this.#empty();
    this.memory.forget();
    this.token = "";
  }

  #empty() {
    this.leave();
    this.#visit = new AbortController();
    this.#introduced = this.#running = this.last = null;
    this.panel.announce("");
    this.panel.composer.clear();
    this.panel.transcript.clear();
  }
}

/** @param {Pick<Failed, "state" | "message">} failure */
const detailOf = (failure) => (TOLD_BY_SERVER.includes(failure.state) ? failure.message : "");

/** A fault of the widget's own is told as one, and not swallowed. @param {unknown} error */
function asFailure(error) {
  if (error instanceof ChatError) return error;
  fault(error);
  return new ChatError("unavailable", "widget_error", "", error);
}
