/**
 * One request to the server and its failures. No cookie goes with it, and no redirect is followed: one would carry the
 * key to another host, fail the preflight, or make a GET of a question.
 */
/** @import { ConnectionOptions, Ids } from "./types.js" */
import { ChatError, noAnswer, toldFailure } from "./failures.js";
import { IdleLimit, TIMERS } from "./idle_limit.js";

const API = "/api/v1";

/**
 * @typedef {object} Asked
 * @property {string} [method]
 * @property {unknown} [body]
 * @property {string} [accept]
 * @property {Ids} [ids]
 * @property {boolean} [plain] without the headers that need a preflight
 */

export class Connection {
  #base;
  #idleMs;
  #options;
  timers;

  /** @param {ConnectionOptions} options */
  constructor({ baseUrl = "", idleSeconds = 60, timers = TIMERS, ...options }) {
    this.#base = baseUrl.replace(/\/+$/, "") + API;
    this.#idleMs = idleSeconds * 1000;
    this.#options = options;
    this.timers = timers;
  }

  /**
   * Does `work` within the idle limit and the caller's signal. What it left open is closed.
   * @template T @param {AbortSignal | undefined} signal @param {(limit: IdleLimit) => Promise<T>} work
   */
  async within(signal, work) {
    const limit = new IdleLimit(this.#idleMs, signal, this.timers);
    try {
      return await work(limit);
    } finally {
      limit.end();
    }
  }

  /** The response, whatever it is. @param {string} path @param {IdleLimit} limit @param {Asked} asked */
  async open(path, limit, { method, body, ...asked }) {
    const { fetch = globalThis.fetch } = this.#options;
    /** @type {RequestInit} */
    const init = {
      method,
      signal: limit.signal,
      headers: await this.#headers(asked),
      body: JSON.stringify(bare(body)),
      credentials: "omit",
      redirect: "manual",
      cache: "no-store",
    };
    return heard(fetch(this.#base + path, init), limit);
  }

  /** The JSON of a good response. @param {string} path @param {AbortSignal | undefined} signal @param {Asked} asked */
  json(path, signal, asked) {
    return this.within(signal, async (limit) => {
      const response = await this.open(path, limit, asked);
      await this.check(response, limit);
      return jsonOf(response, limit);
    });
  }

  /** Throws where a response has no answer. @param {Response} response @param {IdleLimit} limit */
  async check(response, limit) {
    if (limit.signal.aborted) throw limit.failure();
    limit.touch();
    const { status, type } = response;
    if (type === "opaqueredirect" || (status >= 300 && status < 400)) {
      throw new ChatError("refused", "redirected", "The server's address redirects.");
    }
    if (status === 204) throw noAnswer("no_content");
    if (!response.ok) throw toldFailure(await errorIn(response, limit), status, this.#retryAfter(response));
  }

  /** What is sent: `web/cors` has to allow each. @param {Asked} asked */
  async #headers({ accept = "application/json", ids, plain }) {
    const { key, locale, visitorToken: token } = this.#options;
    const safe = { Accept: accept, "Accept-Language": locale };
    if (plain) return filled(safe);
    return filled({
      ...safe,
      "Content-Type": "application/json",
      Authorization: `Bearer ${key}`,
      "X-Requested-With": "ChatbotWidget",
      "X-Session-ID": ids?.sessionId,
      "X-Conversation-ID": ids?.conversationId,
      "X-Visitor-Token": typeof token === "function" ? await token() : token,
    });
  }

  /** In seconds or as a date; null where there is none. @param {Response} response */
  #retryAfter({ headers }) {
    const text = headers.get("Retry-After") ?? "";
    const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - this.timers.now();
    return Number.isNaN(ms) ? null : Math.max(0, ms);
  }
}

/** What the network gives, or why it did not. @template T @param {Promise<T>} given @param {IdleLimit} limit */
export async function heard(given, limit) {
  try {
    return await given;
  } catch (cause) {
    throw limit.failure(cause);
  }
}

/** @param {Response} response @param {IdleLimit} limit */
export async function jsonOf(response, limit) {
  const text = await heard(response.text(), limit);
  try {
    return JSON.parse(text);
  } catch {
    throw noAnswer("not_an_answer");
  }
}

/** Whether a response says that it is of this type. @param {Response} response @param {string} type */
export const isOf = (response, type) =>
  !!response.headers.get("Content-Type")?.toLowerCase().startsWith(type);

/** The error object of a refusal; undefined in a proxy's own page. @param {Response} response @param {IdleLimit} limit */
async function errorIn(response, limit) {
  const body = await jsonOf(response, limit).catch(() => undefined);
  return body?.error;
}

/** Those that say something. @param {Record<string, string | null | undefined>} headers */
function filled(headers) {
  const said = Object.entries(headers).filter(([, value]) => value);
  return /** @type {Record<string, string>} */ (Object.fromEntries(said));
}

/**
 * The same value out of reach of a page that gives arrays a `toJSON` (Prototype.js does): each would be sent as a text.
 * @param {any} value @returns {any}
 */
function bare(value) {
  if (Array.isArray(value)) return Object.assign(value.map(bare), { toJSON: undefined });
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, bare(inner)]));
}
