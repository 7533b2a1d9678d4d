/**
 * Which visitor and conversation this browser is: the two ids that the server gave, kept for the next page once a question
 * was asked. Where a browser allows no storage (blocked, a sandboxed frame) they live as long as the page.
 */

/** @typedef {{ session?: string, conversation?: string, speaks?: boolean, consent?: 1 }} Kept */

export class Memory {
  #key;
  /** @type {Kept} */
  #here = {};

  /** @param {string} key the bot's publishable key: each has its own */
  constructor(key) {
    this.#key = `chatbot:${key}`;
  }

  /** Other tabs may have begun another conversation since. @returns {Kept} */
  get ids() {
    const kept = attempt(() => JSON.parse(localStorage.getItem(this.#key) || "null"));
    return Object(kept) === kept ? kept : this.#here;
  }

  /** @param {Kept} more what is empty leaves what is there */
  keep(more) {
    const known = Object.entries(more).filter(([, value]) => value !== undefined && value !== "");
    this.#write({ ...this.ids, ...Object.fromEntries(known) });
  }

  /** The next question begins another conversation of the same visitor. */
  leaveConversation() {
    const { conversation, ...rest } = this.ids;
    if (conversation) this.#write(rest);
  }

  /** @param {Kept} kept */
  #write(kept) {
    this.#here = kept;
    attempt(() => localStorage.setItem(this.#key, JSON.stringify(kept)));
  }

  forget() {
    this.#here = {};
    attempt(() => localStorage.removeItem(this.#key));
  }
}

/** @template T @param {() => T} work @returns {T | undefined} */
function attempt(work) {
  try {
    return work();
  } catch {
    return undefined;
  }
}
