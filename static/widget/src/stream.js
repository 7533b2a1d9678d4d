/**
 * An answer read from a response's body as it comes. Whatever ends it, the reader is cancelled and released: one that is
 * left behind keeps a connection, and a server that goes on working for nobody.
 */
/** @import { Listeners, StreamEvent } from "./types.js" */
/** @import { Answer } from "./completion.js" */
/** @import { ChatError } from "./failures.js" */
/** @import { IdleLimit } from "./idle_limit.js" */
import { heard, isOf } from "./connection.js";
import { brokenOff, noAnswer, toldFailure } from "./failures.js";
import { EventStreamDecoder, EventTooLarge } from "./sse.js";

/** The code of what is no readable stream; another way of asking may help. */
export const NOT_STREAMED = "not_streamed";
/** How long the end of a stream may take after its last event: a connection that is read to its end is used again. */
const LAST_MS = 1000;

/**
 * Reads the answer to its end. Throws a ChatError where it is not whole, and what a listener throws.
 * @param {Response} response @param {Answer} answer @param {IdleLimit} limit
 * @param {Listeners & { onByte(): void }} listeners
 */
export async function readAnswer(response, answer, limit, listeners) {
  const reader = isOf(response, "text/event-stream") && response.body?.getReader?.();
  if (!reader) throw noAnswer(NOT_STREAMED);
  const cancel = async () => reader.cancel().catch(() => {});
  limit.signal.addEventListener("abort", cancel);
  try {
    await readAll(reader, answer, limit, listeners);
  } finally {
    limit.signal.removeEventListener("abort", cancel);
    void cancel();
    reader.releaseLock();
  }
  conclude(answer);
}

/**
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader @param {Answer} answer @param {IdleLimit} limit
 * @param {Listeners & { onByte(): void }} listeners
 */
async function readAll(reader, answer, limit, { onByte, ...listeners }) {
  const decoder = new EventStreamDecoder();
  for (;;) {
    const bytes = await next(reader, answer, limit);
    if (!bytes) return;
    const { isOver } = answer;
    onByte();
    for (const event of decoded(decoder, bytes, answer)) {
      if (limit.signal.aborted) throw limit.failure(); // by a listener, with more in hand
      take(event, answer, listeners);
    }
    if (!isOver) limit.touch(answer.isOver ? LAST_MS : undefined);
  }
}

/**
 * What comes next; nothing at the end, and where a whole answer's connection fails.
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader @param {Answer} answer @param {IdleLimit} limit
 */
async function next(reader, answer, limit) {
  try {
    const { value } = await heard(reader.read(), limit);
    if (!value && limit.signal.aborted) throw limit.failure();
    return value;
  } catch (error) {
    if (answer.isOver || answer.isWhole) return undefined;
    const { code } = /** @type {ChatError} */ (error);
    throw answer.hasContent && code === "network_error" ? brokenOff("connection_lost") : error;
  }
}

/** @param {EventStreamDecoder} decoder @param {Uint8Array} bytes @param {Answer} answer */
function decoded(decoder, bytes, answer) {
  try {
    return decoder.feed(bytes);
  } catch (error) {
    throw error instanceof EventTooLarge ? ended(answer, "event_too_large", error.message) : error;
  }
}

/** @param {StreamEvent} event @param {Answer} answer @param {Listeners} listeners */
function take(event, answer, { onChunk, onState, onCitations }) {
  const { hasContent, citations } = answer;
  const delta = answer.take(event);
  if (answer.citations !== citations) onCitations?.(answer.citations);
  if (answer.hasContent && !hasContent) onState?.({ state: "answering" });
  if (delta) onChunk?.(delta, answer.text);
}

/** @param {Answer} answer that came to its end */
function conclude(answer) {
  if (answer.isWhole) return;
  if (!answer.error) throw ended(answer, answer.hasContent ? "cut_off" : NOT_STREAMED);
  const told = toldFailure(answer.error);
  throw answer.hasContent ? brokenOff(told.code, told.message) : told;
}

/** @param {Answer} answer @param {string} code @param {string} [message] */
const ended = ({ hasContent }, code, message) => (hasContent ? brokenOff(code, message) : noAnswer(code));
