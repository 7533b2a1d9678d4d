/**
 * How soon the visitor saw the first words: from the question to the frame that shows them. A file of its own, for servers that want
 * to know (`CHATBOT_PERCEIVED`) and for pages with `data-debug`. The server is told two numbers an answer, once; the console of a page
 * with `data-debug` is told them too, with what the server says of its own share. Nothing of what was said is looked at.
 */
/** @import { Chat } from "../chat.js" */

const ASKED = "/api/v1/chat/completions";

/**
 * An answer that is waited for; times in milliseconds. `painted` gives the first one, and never comes where no word does.
 * @typedef {{ at: number, isSeen: boolean, painted: Promise<number>, leave(): void }} Wait
 */

/** @param {Chat} chat */
export function attach(chat) {
  const { widget, options, life: { signal } } = chat;
  /** @type {Wait | null} */
  let wait = null;
  async function ended() {
    const over = wait;
    wait = null;
    if (!over) return;
    const total = since(over.at);
    over.leave();
    const first = await over.painted;
    if (options.debug) console.log(`[ChatbotWidget] first words on the screen after ${first} ms, all after ${total} ms`);
    // What was not in sight all the time nobody has waited for.
    if (chat.config?.perceived && over.isSeen) send(options, { first, total: Math.max(first, total) });
  }
  widget.on("question", () => {
    const { message } = /** @type {import("../transcript.js").Turn} */ (chat.last);
    wait = waitFor(message.content);
  });
  widget.on("answer", ended);
  widget.on("error", ended);
  addEventListener("pagehide", ended, { signal });
  document.addEventListener("visibilitychange", () => document.hidden && wait && (wait.isSeen = false), { signal });
  if (options.debug) listen(signal);
}

/** @param {number} at */
const since = (at) => Math.round(performance.now() - at);

/** @param {HTMLElement} content of the answer @returns {Wait} */
function waitFor(content) {
  const at = performance.now();
  /** @type {(first: number) => void} */
  let painted;
  const watch = new MutationObserver(look);
  function look() {
    if (!content.textContent) return;
    watch.disconnect();
    // A frame is painted behind its callbacks: what comes next is after it.
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        painted(since(at));
      };
      port2.postMessage(null);
    });
  }
  watch.observe(content, { childList: true, characterData: true, subtree: true });
  return { at, isSeen: !document.hidden, painted: new Promise((done) => (painted = done)), leave: () => content.textContent || watch.disconnect() };
}

/** One small message that outlives the page; whether it arrives nobody waits for. @param {Chat["options"]} options @param {object} told */
function send({ host, key }, told) {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${key}` };
  const init = { method: "POST", headers, body: JSON.stringify(told), keepalive: true, referrerPolicy: /** @type {const} */ ("no-referrer"), credentials: /** @type {const} */ ("omit") };
  fetch(`${host}/api/v1/widget/perceived`, init).catch(() => {});
}

/** What the server says of its share of each answer, as far as the browser tells: on https, and to pages that a key lists. @param {AbortSignal} signal */
function listen(signal) {
  const watch = new PerformanceObserver((list) => {
    for (const entry of /** @type {PerformanceResourceTiming[]} */ (list.getEntries())) {
      const parts = (entry.serverTiming ?? []).map(({ name, duration }) => `${name} ${duration} ms`);
      if (entry.name.endsWith(ASKED) && parts.length) console.log(`[ChatbotWidget] in the server: ${parts.join(", ")}`);
    }
  });
  watch.observe({ type: "resource", buffered: true });
  signal.addEventListener("abort", () => watch.disconnect());
}
