/** What a widget asks besides questions: its bot, what was said before, to forget it, what an answer was worth. */
/** @import { ConnectionOptions, Conversation, Feedback, Ids, Receipt, WidgetConfig } from "./types.js" */
import { Connection } from "./connection.js";

/** @typedef {Pick<Ids, "sessionId"> & { signal?: AbortSignal }} VisitOptions */

/** Each throws a ChatError where it fails. Nothing here is tried again by itself. */
export class Visits {
  #connection;
  #key;

  /** @param {ConnectionOptions} options */
  constructor(options) {
    this.#connection = new Connection(options);
    this.#key = options.key;
  }

  /** What is shown of the bot. Without a preflight, so that a page that is not listed is told so. @param {VisitOptions} [options] @returns {Promise<WidgetConfig>} */
  config({ signal } = {}) {
    return this.#connection.json(`/widget/config?key=${encodeURIComponent(this.#key)}`, signal, { plain: true });
  }

  /** A conversation with its messages. @param {string} id @param {VisitOptions} [options] @returns {Promise<Conversation>} */
  conversation(id, options) {
    return this.#send("GET", at(id), options);
  }

  /** Deletes a conversation. @param {string} id @param {VisitOptions} [options] @returns {Promise<Receipt>} */
  forget(id, options) {
    return this.#send("DELETE", at(id), options);
  }

  /**
   * Rates an answer by its `meta.messageId`; null takes it back.
   * @param {{ messageId: string, rating: "up" | "down" | null, comment?: string }} said
   * @param {VisitOptions} [options] @returns {Promise<Feedback>}
   */
  feedback({ messageId, rating, comment }, options) {
    return this.#send("POST", "/feedback", options, { message_id: messageId, rating, comment });
  }

  /** @param {string} method @param {string} path @param {VisitOptions} [options] @param {unknown} [body] */
  #send(method, path, { signal, sessionId } = {}, body = undefined) {
    return this.#connection.json(path, signal, { method, body, ids: { sessionId } });
  }
}

/** @param {string} id */
const at = (id) => `/conversations/${encodeURIComponent(id)}`;
