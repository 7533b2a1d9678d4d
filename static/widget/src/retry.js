/**
 * Asking again: later each time, at a random moment within that time, so that a server that comes back is not met by
 * all at once. What may be asked again at all is the failure's to say (`mayRecover`).
 *
 * Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
/** @import { RetryOptions, Timers } from "./types.js" */
/** @import { ChatError } from "./failures.js" */
import { stopped } from "./failures.js";

const FIRST_MS = 1000;
const MOST_MS = 10_000;
/** Behind what a server asks for: it is exact, and the same for many. */
const SPREAD_MS = 500;
/** A visitor is not kept waiting longer by what a server asks for. */
const PATIENCE_MS = 60_000;

/**
 * @template T
 * @param {() => Promise<T>} work
 * @param {RetryOptions & { timers: Timers }} options
 * @returns {Promise<T>}
 */
export async function retryWithBackoff(work, { retries = 3, timers, ...listeners }) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (thrown) {
      const error = /** @type {ChatError} */ (thrown);
      if (!error?.mayRecover || (error.retryAfterMs ?? 0) > PATIENCE_MS || attempt > retries) throw error;
      await pause(error, attempt, timers, listeners);
    }
  }
}

/** @param {number} attempt @param {number | null} retryAfterMs */
function waitMs(attempt, retryAfterMs) {
  const most = Math.min(MOST_MS, FIRST_MS * 2 ** (attempt - 1));
  return typeof retryAfterMs === "number" ? retryAfterMs + Math.random() * SPREAD_MS : Math.random() * most;
}

/**
 * @param {ChatError} error @param {number} attempt @param {Timers} timers
 * @param {Omit<RetryOptions, "retries">} listeners
 * @returns {Promise<void>}
 */
async function pause(error, attempt, timers, { signal, onState }) {
  const inMs = Math.round(waitMs(attempt, error.retryAfterMs));
  let now = () => {};
  const over = new Promise((resolve) => (now = () => resolve(0)));
  const timer = timers.setTimeout(now, inMs);
  signal?.addEventListener("abort", now);
  try {
    onState?.({ state: "retrying", attempt, inMs, error, now });
    if (!signal?.aborted) await over;
    if (signal?.aborted) throw Object.assign(stopped(), { meta: error.meta });
  } finally {
    timers.clearTimeout(timer);
    signal?.removeEventListener("abort", now);
  }
}
