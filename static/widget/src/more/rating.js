/** Thumbs under an answer. */
import { iconButton } from "../dom.js";
import { ICONS } from "./icons.js";

/** @import { BotMessage } from "../messages.js"
 * @import { wordsOf } from "./words.js"
 * @typedef {"up" | "down" | null} Rating null: none, or taken back */

/**
 * @param {BotMessage} message whose `said` tells what became of it
 * @param {(rating: Rating) => Promise<unknown>} rate keeps it @param {ReturnType<typeof wordsOf>} words @param {Rating} [rated] before
 */
export function thumbs(message, rate, { helpful, notHelpful, thanks, notRated }, rated = null) {
  /** @param {HTMLElement} thumb @param {Rating} rating */
  const press = async (thumb, rating) => {
    const isOn = toggle(thumb, both);
    try {
      await rate(isOn ? rating : null);
      message.said.textContent = isOn ? thanks : "";
    } catch {
      message.said.textContent = notRated;
      toggle(thumb, both);
    }
  };
  const up = iconButton(helpful, ICONS.up, () => press(up, "up"));
  const down = iconButton(notHelpful, ICONS.down, () => press(down, "down"));
  const both = [up, down];
  for (const thumb of both) thumb.setAttribute("aria-pressed", String(rated === (thumb === up ? "up" : "down")));
  return both;
}

/** Of some toggles press one; whether it is on now. @param {HTMLElement} toggled @param {HTMLElement[]} all */
function toggle(toggled, all) {
  const isOn = toggled.getAttribute("aria-pressed") !== "true";
  for (const each of all) each.setAttribute("aria-pressed", String(isOn && each === toggled));
  return isOn;
}
