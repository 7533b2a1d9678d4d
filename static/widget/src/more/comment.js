/** A word for a rating, where a visitor has one. */
import { drop, element } from "../dom.js";

/** @import { BotMessage } from "../messages.js"
 * @import { Rating } from "./rating.js"
 * @import { wordsOf } from "./words.js" */

const MOST_CHARS = 2000;

/** @param {BotMessage} message @param {Rating} rating @param {(comment: string) => Promise<unknown>} send @param {ReturnType<typeof wordsOf>} words */
export function askWhy(message, rating, send, words) {
  const { why, whyGood, sendWord } = words;
  for (const old of message.node.querySelectorAll(".why")) drop(old);
  if (!rating) return;
  const label = rating === "up" ? whyGood : why;
  const input = element("input", { type: "text", maxlength: String(MOST_CHARS), "aria-label": label, placeholder: label, dir: "auto" });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    try {
      await send(input.value.trim());
      drop(form, message.node);
      message.said.textContent = words.thanks;
    } catch {
      message.said.textContent = words.notRated;
    }
  };
  const form = element("form", { class: "why" }, input, element("button", { class: "button" }, sendWord));
  form.addEventListener("submit", submit);
  message.node.querySelector(".actions")?.after(form);
  message.grew();
}
