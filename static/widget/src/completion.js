/**
 * A stream's events in, OpenAI's final response out: what a call without streaming would have answered.
 *
 * "[DONE]" means whole, and so does a finish_reason; an answer with neither broke off, however its connection ended.
 */
/** @import { Choice, Citation, Completion, Meta, StreamEvent, ToolCall } from "./types.js" */

/** @typedef {Record<string, any>} Chunk what a server sent: nothing in it is sure */

export class Answer {
  text = "";
  /** @type {string | null} */
  finishReason = null;
  /** After "[DONE]" or an error nothing counts but citations. */
  isOver = false;
  /** The error object that ended it. @type {unknown} */
  error = null;
  /** @type {Citation[]} */
  citations = [];
  /** Fields of the whole: the first of each, and the last usage. @type {Chunk} */
  #top = {};
  /** By their index. @type {Map<unknown, ToolCall>} */
  #calls = new Map();

  /** Whether anything of the answer has come: it is not asked for again then. */
  get hasContent() {
    return this.text !== "" || this.#calls.size > 0;
  }

  get isWhole() {
    return !this.error && (this.isOver || this.finishReason !== null);
  }

  /** Takes an event; what it adds to the text. @param {StreamEvent} event */
  take({ data }) {
    if (data === "[DONE]") this.isOver = true;
    const chunk = parsed(data);
    this.#cite(chunk.citations);
    if (chunk.error && !this.isOver) this.error = chunk.error;
    this.isOver ||= !!chunk.error;
    if (this.isOver || !Array.isArray(chunk.choices)) return "";
    this.#top = { ...chunk, ...this.#top, usage: chunk.usage ?? this.#top.usage };
    const choice = chunk.choices.find((/** @type {Chunk} */ one) => !one?.index);
    return this.#add(Object(choice));
  }

  /** @param {Meta} meta @returns {Completion} */
  response(meta) {
    /** @type {Choice["message"]} */
    const message = { role: "assistant", content: this.text };
    if (this.#calls.size) message.tool_calls = [...this.#calls.values()];
    const { usage, ...top } = this.#top;
    return /** @type {Completion} */ ({
      ...top,
      object: "chat.completion",
      choices: [{ index: 0, message, finish_reason: this.finishReason }],
      ...(usage && { usage }),
      ...(this.citations.length && { citations: this.citations }),
      meta,
    });
  }

  /** @param {unknown} list */
  #cite(list) {
    if (!Array.isArray(list)) return;
    const known = this.citations.map(({ id }) => id);
    const more = list.filter((one) => one && !known.includes(one.id));
    if (more.length) this.citations = [...this.citations, ...more];
  }

  /** @param {Chunk} choice */
  #add({ delta, finish_reason }) {
    const { content, tool_calls } = Object(delta);
    this.finishReason = finish_reason ?? this.finishReason;
    if (Array.isArray(tool_calls)) tool_calls.forEach((piece) => this.#call(Object(piece)));
    const added = typeof content === "string" ? content : "";
    this.text += added;
    return added;
  }

  /** @param {Chunk} piece of a tool call: what is said once, and arguments bit by bit */
  #call({ index, id, type, function: called }) {
    const call = this.#calls.get(index) ?? { id, type, function: { name: "", arguments: "" } };
    call.function.name ||= called?.name ?? "";
    call.function.arguments += called?.arguments ?? "";
    this.#calls.set(index, call);
  }
}

/** A line that is no JSON says nothing, and ends nothing. @param {string} data @returns {Chunk} */
function parsed(data) {
  try {
    return Object(JSON.parse(data));
  } catch {
    return {};
  }
}
