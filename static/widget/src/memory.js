/**
 * Which visitor and conversation this browser is: the two ids that the server gave, kept for the next page once a question
 * was asked. Where a browser allows no storage (blocked, a sandboxed frame) they live as long as the page.
 */
export class Memory {
  #key;
  /** @type {{ session?: string, conversation?: string, consent?: 1 }} */
  ids = {};

  /** @param {string} key the bot's publishable key: each has its own */
  constructor(key) {
    this.#key = `chatbot:${key}`;
    const kept = attempt(() => JSON.parse(localStorage.getItem(this.#key) || "{}"));
    if (kept && typeof kept === "object") this.ids = kept;
  }

  /** @param {string} [session] @param {string} [conversation] */
  keep(session, conversation) {
    this.ids = { ...this.ids, session: session || this.ids.session, conversation: conversation || this.ids.conversation };
    attempt(() => localStorage.setItem(this.#key, JSON.stringify(this.ids)));
  }

  forget() {
    this.ids = {};
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
