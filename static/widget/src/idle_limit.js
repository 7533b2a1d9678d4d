/**
 * What ends a request early: silence, or its caller. A limit on the whole would kill long answers that are well, so
 * every byte begins it anew. Both ends go through the one signal that fetch has.
 */
/** @import { Timers } from "./types.js" */
import { ChatError, networkFailure, stopped } from "./failures.js";

/** @type {Timers} */
export const TIMERS = {
  setTimeout: (work, ms) => globalThis.setTimeout(work, ms),
  clearTimeout: (id) => globalThis.clearTimeout(/** @type {number} */ (id)),
  now: () => performance.timeOrigin + performance.now(), // a clock that is never set back
};

/** A timer that is so late was in a page that slept: it is given as long again, more than heartbeats are apart, to read
 * what came meanwhile. */
const SLEPT_MS = 15_000;

export class IdleLimit {
  #controller = new AbortController();
  #ms;
  #caller;
  #timers;
  /** @type {unknown} */
  #timer;
  #stop = () => this.#controller.abort();

  /** @param {number} ms @param {AbortSignal | undefined} caller @param {Timers} timers */
  constructor(ms, caller, timers) {
    this.#ms = ms;
    this.#caller = caller;
    this.#timers = timers;
    caller?.addEventListener("abort", this.#stop);
    this.touch();
    if (caller?.aborted) this.#stop();
  }

  get signal() {
    return this.#controller.signal;
  }

  /** Something came: the time begins anew. */
  touch(ms = this.#ms) {
    this.#timers.clearTimeout(this.#timer);
    const due = this.#timers.now() + ms;
    this.#timer = this.#timers.setTimeout(() => {
      if (this.#timers.now() - due < SLEPT_MS) this.#stop();
      else this.#timer = this.#timers.setTimeout(this.#stop, SLEPT_MS);
    }, ms);
  }

  /** Nothing more is wanted: what still runs is ended. */
  end() {
    this.#timers.clearTimeout(this.#timer);
    this.#caller?.removeEventListener("abort", this.#stop);
    this.#stop();
  }

  /** Why the network gave nothing more. @param {unknown} [cause] */
  failure(cause) {
    if (this.#caller?.aborted) return stopped();
    if (!this.signal.aborted) return networkFailure(cause);
    return new ChatError("timeout", "idle_timeout", "Nothing came for too long.");
  }
}
