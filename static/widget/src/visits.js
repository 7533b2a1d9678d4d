/** What a widget asks besides questions: its bot, what was said before, to forget it, what an answer was worth. */
/** @import { Conversation, Feedback, Ids, Receipt, WidgetConfig } from "./types.js"
 * @import { Connection } from "./connection.js" */

/**
 * Each throws a ChatError where it fails. Nothing here is tried again by itself.
 * @typedef {Pick<Ids, "sessionId"> & { signal?: AbortSignal }} VisitOptions
 */

/**
 * What is shown of the bot. Without a preflight, so that a page that is not listed is told so.
 * @param {Connection} server @param {string} key @param {AbortSignal} [signal] @returns {Promise<WidgetConfig>}
 */
export const config = (server, key, signal) => server.json(`/widget/config?key=${encodeURIComponent(key)}`, signal, { plain: true });

/** A conversation with its messages. @param {Connection} server @param {string} id @param {VisitOptions} [options] @returns {Promise<Conversation>} */
export const conversation = (server, id, options) => send(server, "GET", at(id), options);

/** Deletes a conversation. @param {Connection} server @param {string} id @param {VisitOptions} [options] @returns {Promise<Receipt>} */
export const forget = (server, id, options) => send(server, "DELETE", at(id), options);

/**
 * Rates an answer by its `meta.messageId`; null takes it back.
 * @param {Connection} server @param {{ messageId: string, rating: "up" | "down" | null, comment?: string }} said
 * @param {VisitOptions} [options] @returns {Promise<Feedback>}
 */
export const feedback = (server, { messageId, rating, comment }, options) =>
  send(server, "POST", "/feedback", options, { message_id: messageId, rating, comment });

/** @param {Connection} server @param {string} method @param {string} path @param {VisitOptions} [options] @param {unknown} [body] */
const send = (server, method, path, { signal, sessionId } = {}, body = undefined) =>
  server.json(path, signal, { method, body, ids: { sessionId } });

/** @param {string} id */
const at = (id) => `/conversations/${encodeURIComponent(id)}`;
