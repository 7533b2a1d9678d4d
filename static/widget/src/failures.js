/**
 * One error for all that can go wrong, told apart by what a visitor can do about it (`state`), not by where it
 * happened. `message` is the server's where it sent one: it says what to do.
 */
/** @import { Completion, FailureState, Meta } from "./types.js" */

/** By the words of OpenAI's `code` and `type`, the first that fits: an error within a stream has no status. @type {[RegExp, FailureState][]} */
const STATES = [
  [/budget_exceeded|insufficient_quota/, "over_budget"],
  [/service_stopped/, "stopped"],
  [/timeout/, "timeout"],
  [/rate_limit/, "rate_limited"],
  [/invalid_|authentication_|permission_/, "refused"],
];
const RECOVERING = [429, 502, 503, 504];
/** What nobody's patience mends: by state, and by code. */
const FINAL_STATE = /^(refused|over_budget|stopped)$/;
const LASTING = /internal_error|upstream_auth/;
/** An answer that one of these ended can't be gone on with. */
const FINAL_CODE = /service_stopped|invalid_api_key|budget_exceeded/;

export class ChatError extends Error {
  name = "ChatError";
  /** What came of the answer before it failed. */
  partial = "";
  /** The same in the final response's form; null where nothing came. @type {Completion | null} */
  response = null;
  /** @type {Meta | null} */
  meta = null;
  /** Whether asking again by itself is in order. */
  mayRecover = false;
  /** @type {number | null} */
  retryAfterMs = null;

  /** @param {FailureState} state @param {string} code @param {string} message @param {unknown} [cause] */
  constructor(state, code, message, cause) {
    super(message, { cause });
    this.state = state;
    this.code = code;
  }

  get requestId() {
    return this.meta?.requestId ?? null;
  }

  /** Whether a button "ask again" makes sense. */
  get canRetry() {
    return !FINAL_STATE.test(this.state);
  }

  /** Whether a button "go on" makes sense. */
  get canContinue() {
    return this.partial !== "" && !FINAL_CODE.test(this.code);
  }
}

/** The caller wanted no more. */
export const stopped = () => new ChatError("stopped_by_visitor", "aborted", "Stopped.");

/** What the network says by giving nothing. @param {unknown} cause */
export function networkFailure(cause) {
  const isOffline = globalThis.navigator?.onLine === false;
  return new ChatError("offline", isOffline ? "offline" : "network_error", "The server can't be reached.", cause);
}

/** What came is none of the chat server's answers. @param {string} code */
export const noAnswer = (code) => new ChatError("unavailable", code, "The server sent no answer.");

/** An answer that broke off after its beginning. @param {string} code @param {string} [message] */
export const brokenOff = (code, message = "The answer broke off.") => new ChatError("incomplete", code, message);

/**
 * OpenAI's error object, or with some servers a text: from a body (with its status), or from within a stream (0). A
 * time-out that comes as an event has been waited for already: not again without being asked.
 * @param {unknown} error @param {number} [status] @param {number | null} [retryAfterMs]
 */
export function toldFailure(error, status = 0, retryAfterMs = null) {
  const { code, type, message = typeof error === "string" && error } = Object(error);
  const said = String(code || (status ? `http_${status}` : "stream_error"));
  const state = STATES.find(([words]) => words.test(`${code} ${type}`))?.[1] ?? byStatus(status);
  const failure = new ChatError(state, said, message || "The server failed.");
  const recovers = status ? RECOVERING.includes(status) : state !== "timeout";
  failure.mayRecover = recovers && failure.canRetry && !LASTING.test(said);
  failure.retryAfterMs = retryAfterMs;
  return failure;
}

/** @param {number} status @returns {FailureState} */
function byStatus(status) {
  if (status === 429) return "rate_limited";
  return status >= 400 && status < 500 ? "refused" : "unavailable";
}
