/** Takes a text along. */
import { drop, element } from "../dom.js";

/** @import { BotMessage } from "../messages.js"
 * @import { Citation } from "../types.js" */

/** An answer as it was written, with what it rests on: Markdown. @param {BotMessage} message */
export function markdownOf({ text, sources, words }) {
  const list = sources.all.map(lineOf).join("\n");
  return list ? `${text}\n\n${words.sources}:\n\n${list}` : text;
}

/** @param {Citation} citation */
const lineOf = ({ n, title, place, url }) => `[${n}] ${[title || url, place].filter(Boolean).join(", ")}${url ? ` <${url}>` : ""}  `;

/** Whether a text is in the clipboard now. @param {string} text */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text);
  }
}

/** Where a page has no clipboard (plain http, a frame without the permission). @param {string} text */
function copiedByHand(text) {
  const field = element("textarea", { readonly: true });
  field.value = text;
  document.documentElement.append(field);
  field.select();
  const done = document.execCommand("copy");
  drop(field);
  return done;
}
