/**
 * One question on its way, over all of its attempts. They share ids and times: a server gives ids with a refusal too,
 * and an attempt without them would begin a second conversation.
 *
 * A connection that fails before any answer leaves open whether the server has the question. Where it noticed the
 * loss it has stopped, and leaves a question without an answer out of what it remembers; where it did not, the
 * question would stand there twice, and be paid twice. So such a failure is tried again once, said to `onState`, and
 * only for a stream: a whole answer may have been made and saved meanwhile.
 */
/** @import { Completion, Message, Meta, SendOptions, Timers } from "./types.js" */
/** @import { IdleLimit } from "./idle_limit.js" */
import { Answer } from "./completion.js";
import { isOf, jsonOf } from "./connection.js";
import { ChatError, noAnswer, toldFailure } from "./failures.js";
import { readAnswer } from "./stream.js";

/** @typedef {Omit<Meta, "timings">} Told */

/** @type {[keyof Told, string][]} */
const TOLD = [
  ["sessionId", "X-Session-ID"],
  ["conversationId", "X-Conversation-ID"],
  ["messageId", "X-Message-ID"],
  ["requestId", "X-Request-ID"],
];

export class Asking {
  isStreamed = true;
  options;
  /** @type {Told} */
  ids;
  #lost = 0;
  #answer = new Answer();
  #timers;
  #debug;
  #startedAt;
  /** @type {number | null} */
  #firstByteMs = null;

  /** @param {SendOptions} options @param {Timers} timers @param {boolean} debug */
  constructor(options, timers, debug) {
    const { sessionId = null, conversationId = null } = options;
    this.options = options;
    this.ids = { sessionId, conversationId, messageId: null, requestId: null };
    this.#timers = timers;
    this.#debug = debug;
    this.#startedAt = timers.now();
    this.#log("start");
  }

  /** @param {Message[]} messages */
  body(messages) {
    const { model, temperature, maxTokens, replaces } = this.options;
    const stream = this.isStreamed;
    const more = stream && { stream_options: { include_usage: true } };
    return { messages, model, temperature, max_tokens: maxTokens, replaces: replaces ?? undefined, stream, ...more };
  }

  /** A response came, good or not. @param {Response} response */
  met({ headers }) {
    for (const [name, header] of TOLD) this.ids[name] = headers.get(header) ?? this.ids[name];
    const ignored = headers.get("X-Chatbot-Ignored");
    if (ignored) this.#log(`ignored: ${ignored}`);
  }

  /** The answer of a good response, in whichever form it comes. @param {Response} response @param {IdleLimit} limit */
  answerOf(response, limit) {
    const isWhole = !this.isStreamed || isOf(response, "application/json");
    return isWhole ? this.#whole(response, limit) : this.#streamed(response, limit);
  }

  /** A failure, with what is known of the attempt. @param {unknown} error */
  failed(error) {
    if (!(error instanceof ChatError)) return error;
    error.meta = this.#meta();
    error.partial = this.#answer.text;
    if (this.#answer.hasContent) error.response = this.#answer.response(error.meta);
    else if (error.state === "offline") error.mayRecover = this.isStreamed && !this.#lost++;
    return error;
  }

  /** @param {Response} response @param {IdleLimit} limit */
  async #streamed(response, limit) {
    this.#answer = new Answer();
    await readAnswer(response, this.#answer, limit, { ...this.options, onByte: () => this.#onByte() });
    return this.#answer.response(this.#completed());
  }

  /** @param {Response} response @param {IdleLimit} limit @returns {Promise<Completion>} */
  async #whole(response, limit) {
    this.#onByte();
    const body = await jsonOf(response, limit);
    const choice = body?.choices?.[0];
    if (body?.error) throw toldFailure(body.error);
    if (!choice?.message) throw noAnswer("not_an_answer");
    this.#tell(choice.message.content, body.citations);
    return { ...body, choices: [choice], meta: this.#completed() };
  }

  /** @param {unknown} text @param {unknown} citations */
  #tell(text, citations) {
    const { onChunk, onState, onCitations } = this.options;
    if (Array.isArray(citations)) onCitations?.(citations);
    onState?.({ state: "answering" });
    if (text && typeof text === "string") onChunk?.(text, text);
  }

  #onByte() {
    if (this.#firstByteMs !== null) return;
    this.#firstByteMs = this.#elapsed();
    this.#log(`first byte after ${this.#firstByteMs} ms`);
  }

  #completed() {
    const meta = this.#meta();
    this.#log(`complete after ${meta.timings.completeMs} ms`);
    return meta;
  }

  /** @returns {Meta} */
  #meta() {
    return { ...this.ids, timings: { firstByteMs: this.#firstByteMs, completeMs: this.#elapsed() } };
  }

  /** @param {string} text a time or a name; never what was said, never the key */
  #log(text) {
    if (this.#debug) console.log(`[ChatAPI] ${text}`);
  }

  #elapsed() {
    return Math.round(this.#timers.now() - this.#startedAt);
  }
}
