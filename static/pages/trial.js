/**
 * One question to the server, as a visitor's chat asks it, its answer shown as it comes and measured until it can be seen. Each
 * is a new visitor's, so that no answer is longer because of what was said before.
 */
import { eventsOf, Run } from "./answers.js";
import { api, refusal } from "./server.js";

/**
 * @typedef {object} Asked
 * @property {string} key
 * @property {string} prompt
 * @property {object} [test] what a pass lets one choose, see chatbot/chat/trial.py
 *
 * @typedef {object} Watching
 * @property {HTMLElement} pane where the answer is shown
 * @property {(run: Run) => void} tell called at its begin, and each time that more is known
 * @property {AbortSignal} signal
 */

/**
 * Rejects where the server refuses, the connection is lost, or `signal` says stop.
 * @param {Asked} asked @param {boolean} isStream @param {Watching} watching
 * @returns {Promise<Run>}
 */
export async function ask(asked, isStream, { pane, tell, signal }) {
  const { response, run } = await accepted(asked, isStream, tell, signal);
  checkChoice(asked, response);
  const shown = document.createElement("p");
  pane.replaceChildren(shown);
  run.met(response.headers);
  let painting;
  for await (const words of isStream ? wordsOf(response, run) : wholeOf(response, run)) {
    shown.append(words);
    if (words) painting ??= painted().then((isSeen) => isSeen && run.painted());
    tell(run);
  }
  run.ended();
  await painting;
  tell(run);
  return run;
}

/** A pass has its time: what is measured without what was chosen would be taken for something else. @param {Asked} asked @param {Response} response */
function checkChoice({ test }, response) {
  const ignored = response.headers.get("X-Chatbot-Ignored")?.split(", ") ?? [];
  if (!test || !ignored.includes("test")) return;
  void response.body?.cancel();
  throw new Error("What was chosen here was not taken, since this page is too old: load it anew.");
}

/** Ask until the limit of requests a minute lets it pass: waiting for that is no latency. @param {Asked} asked @param {boolean} isStream @param {(run: Run) => void} tell @param {AbortSignal} signal */
async function accepted(asked, isStream, tell, signal) {
  for (;;) {
    const run = new Run();
    run.isStream = isStream;
    tell(run);
    const response = await fetch(`${api}/chat/completions`, request(asked, isStream, signal));
    const seconds = Number(response.headers.get("Retry-After"));
    if (response.ok) return { response, run };
    if (response.status !== 429 || !(seconds > 0 && seconds <= 60)) throw await refusal(response);
    await pause(seconds * 1000, signal);
  }
}

/** @param {Asked} asked @param {boolean} isStream @param {AbortSignal} signal @returns {RequestInit} */
function request({ key, prompt, test }, isStream, signal) {
  const more = isStream ? { stream: true, stream_options: { include_usage: true } } : { stream: false };
  return {
    method: "POST",
    signal,
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
    body: JSON.stringify({ messages: [{ role: "user", content: prompt }], ...more, ...(test && { test }) }),
  };
}

/** @param {Response} response @param {Run} run */
async function* wordsOf(response, run) {
  for await (const data of eventsOf(response)) yield run.heard(data);
}

/** @param {Response} response @param {Run} run */
async function* wholeOf(response, run) {
  yield run.heardWhole(await response.json());
}

/** Resolves when what is in the page by now has been painted, and says whether: a page that nobody sees is not. @returns {Promise<boolean>} */
function painted() {
  return new Promise((done) => {
    if (document.hidden) return done(false);
    document.addEventListener("visibilitychange", () => done(false), { once: true });
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => done(true);
      port2.postMessage(null);
    });
  });
}

/** @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} */
const pause = (ms, signal) =>
  new Promise((done, fail) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), fail(signal.reason)), { once: true });
  });
