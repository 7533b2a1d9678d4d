/**
 * Asks the chat server: streamed where that works, whole where it does not, and never a second time behind a visitor's
 * back once a word has come.
 */
/** @import { ChatOptions, Completion, Message, RetryOptions, SendOptions } from "./types.js" */
/** @import { IdleLimit } from "./idle_limit.js" */
import { Asking } from "./asking.js";
import { Connection } from "./connection.js";
import { ChatError } from "./failures.js";
import { retryWithBackoff } from "./retry.js";
import { NOT_STREAMED } from "./stream.js";

/** So many broken streams, and this page's way to the server is taken for one that does not stream. */
const BROKEN_STREAMS = 2;

export { ChatError };

/**
 * One per page and key; questions may run side by side. Nothing is stored: ids that the server issued come back in the
 * answer's `meta`, or the failure's, and are given again with the next question.
 */
export class ChatAPI {
  #connection;
  #retries;
  #debug;
  #brokenStreams = 0;

  /** @param {ChatOptions} options */
  constructor({ retries = 3, debug = false, ...options }) {
    this.#connection = new Connection(options);
    this.#retries = retries;
    this.#debug = debug;
  }

  /**
   * Asks, and gives the whole answer. Throws a ChatError with what came before it, or what a listener threw.
   * @param {Message[]} messages @param {SendOptions} [options]
   */
  async sendMessage(messages, options = {}) {
    const asking = this.#asking(options);
    asking.isStreamed = options.stream !== false && this.#canStream;
    return this.retryWithBackoff(() => this.#attempt(messages, asking), options);
  }

  /** The same in one piece. @param {Message[]} messages @param {SendOptions} [options] */
  sendMessageNonStreaming(messages, options = {}) {
    return this.sendMessage(messages, { ...options, stream: false });
  }

  /** The answer in a response that somebody else asked for. @param {Response} response @param {SendOptions} [options] */
  handleStreamingResponse(response, options = {}) {
    return this.#answer(this.#asking(options), async () => response);
  }

  /**
   * Does `work` again, later each time, while it throws what may recover by itself.
   * @template T @param {() => Promise<T>} work @param {RetryOptions} [options]
   */
  retryWithBackoff(work, { retries = this.#retries, signal, onState } = {}) {
    return retryWithBackoff(work, { retries, signal, onState, timers: this.#connection.timers });
  }

  get #canStream() {
    return this.#brokenStreams < BROKEN_STREAMS && typeof ReadableStream === "function";
  }

  /** @param {SendOptions} options */
  #asking(options) {
    return new Asking(options, this.#connection.timers, this.#debug);
  }

  /** @param {Message[]} messages @param {Asking} asking @returns {Promise<Completion>} */
  async #attempt(messages, asking) {
    try {
      return await this.#ask(messages, asking);
    } catch (thrown) {
      const error = /** @type {ChatError} */ (thrown);
      if (error?.code !== NOT_STREAMED) throw error;
      this.#brokenStreams++;
      asking.isStreamed = false;
      asking.options.onState?.({ state: "falling_back", error });
      return this.#ask(messages, asking);
    }
  }

  /** @param {Message[]} messages @param {Asking} asking */
  #ask(messages, asking) {
    asking.options.onState?.({ state: "sending" });
    const asked = {
      method: "POST",
      body: asking.body(messages),
      accept: asking.isStreamed ? "text/event-stream" : undefined,
      ids: asking.ids,
    };
    return this.#answer(asking, (limit) => this.#connection.open("/chat/completions", limit, asked));
  }

  /** @param {Asking} asking @param {(limit: IdleLimit) => Promise<Response>} open */
  #answer(asking, open) {
    return this.#connection.within(asking.options.signal, async (limit) => {
      try {
        const response = await open(limit);
        asking.met(response);
        await this.#connection.check(response, limit);
        return await asking.answerOf(response, limit);
      } catch (error) {
        throw asking.failed(error);
      }
    });
  }
}
