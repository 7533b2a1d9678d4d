/** A failure under its answer: what happened, whom to turn to, what can be done about it. */
import { button, drop, element } from "./dom.js";
import { copyButton } from "./messages.js";
import { say } from "./words.js";

/** @import { Words } from "./ui.js" */

/**
 * @param {object} told
 * @param {string} told.text @param {string} [told.detail] the server's own words @param {string} [told.contact]
 * @param {string} [told.requestId] @param {Array<[string, () => void]>} told.actions label and deed
 * @param {Words} words
 */
export function notice({ text, detail, contact, requestId, actions }, words) {
  const made = element("div", { class: "notice" }, element("p", {}, text));
  if (detail) made.append(element("p", { dir: "auto" }, detail));
  if (contact) made.append(element("p", { class: "contact", dir: "auto" }, contact));
  const row = element("div", { class: "row" }, ...actions.map(([label, act]) => button(label, act, "button act")));
  if (requestId) {
    row.append(
      element("span", { class: "id" }, say(words.requestId, { id: requestId })),
      copyButton(() => requestId, words, words.copyId),
    );
  }
  made.append(row);
  return made;
}

/**
 * The wait before another attempt, counted down in sight.
 * @param {number} inMs @param {string} why what is said of it, with `{seconds}` @param {() => void} now
 * @param {() => void} cancel @param {HTMLElement} next takes the focus afterwards @param {Words} words
 * @returns {{ node: HTMLElement, end: () => void }}
 */
export function countdown(inMs, why, now, cancel, next, words) {
  const at = Date.now() + inMs;
  const text = element("p");
  const show = () => (text.textContent = say(why, { seconds: Math.max(0, Math.ceil((at - Date.now()) / 1000)) }));
  const row = element("div", { class: "row" }, button(words.now, now), button(words.cancel, cancel));
  const node = element("div", { class: "notice retrying" }, text, row);
  const timer = setInterval(show, 250);
  show();
  return {
    node,
    end() {
      clearInterval(timer);
      drop(node, next);
    },
  };
}
