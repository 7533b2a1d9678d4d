/**
 * Bytes of an event stream in, events out, as the HTML standard says it: a browser's own EventSource can't send
 * a POST, and reading it by `split("\n")` is wrong in more than half of what the standard allows.
 *
 * A line is ended by its CR at once, and an LF that comes after it, in the next chunk too, belongs to it. So
 * nothing has to wait, and the end of the stream needs no call: what is unfinished then is dropped.
 *
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
/** @import { StreamEvent } from "./types.js" */

const LINE_END = /\r\n|[\r\n]/;
const EVENT_CAP = 8 * 1024 * 1024;

/** One event has grown over the cap. The decoder takes nothing more after it. */
export class EventTooLarge extends Error {}

/** Incremental decoder. `bytes` counts all that came, comments too: a stream of heartbeats is alive. */
export class EventStreamDecoder {
  bytes = 0;
  #utf8 = new TextDecoder();
  #cap;
  #size = 0;
  #afterCR = false;
  /** Pieces of the open line: joined once, since adding to a text per chunk is quadratic. @type {string[]} */
  #open = [];
  /** @type {string[]} */
  #data = [];
  #event = "";
  #id = "";

  /** @param {{ cap?: number }} [options] the most characters that one event may have */
  constructor({ cap = EVENT_CAP } = {}) {
    this.#cap = cap;
  }

  /**
   * The events that these bytes complete, in order. Throws EventTooLarge, and again on every later call.
   * @param {Uint8Array} bytes
   */
  feed(bytes) {
    this.bytes += bytes.length;
    const lines = this.#text(bytes).split(LINE_END);
    const rest = /** @type {string} */ (lines.pop());
    /** @type {StreamEvent[]} */
    const events = [];
    for (const line of lines) this.#end(line, events);
    this.#hold(rest);
    return events;
  }

  /** @param {Uint8Array} bytes */
  #text(bytes) {
    const text = this.#utf8.decode(bytes, { stream: true });
    if (!text) return text;
    const isRest = this.#afterCR && text[0] === "\n";
    this.#afterCR = text.endsWith("\r");
    return isRest ? text.slice(1) : text;
  }

  /** @param {string} piece of the line that is open */
  #hold(piece) {
    this.#size += piece.length;
    if (this.#size > this.#cap) {
      this.#open = this.#data = [];
      throw new EventTooLarge(`An event has more than ${this.#cap} characters.`);
    }
    if (piece) this.#open.push(piece);
  }

  /** @param {string} last @param {StreamEvent[]} events */
  #end(last, events) {
    this.#hold(last);
    const line = this.#open.join("");
    this.#open = [];
    if (line) this.#field(line);
    else this.#dispatch(events);
  }

  /** @param {string} line */
  #field(line) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
  }

  /** @param {StreamEvent[]} events */
  #dispatch(events) {
    if (this.#data.length) {
      const event = this.#event || "message";
      events.push({ data: this.#data.join("\n"), event, lastEventId: this.#id });
    }
    this.#data = [];
    this.#event = "";
    this.#size = 0;
  }
}
