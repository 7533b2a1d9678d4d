/** Takes a text along. */
import { drop, element } from "../dom.js";
import { nameOf } from "../sources.js";
import { wordsOf } from "./words.js";

/** @import { BotMessage } from "../messages.js"
 * @import { Citation } from "../types.js" */

/** An answer as it was written, with what it rests on: Markdown. @param {BotMessage} message */
export function markdownOf({ text, sources }) {
  const list = [...sources.known.values()].map(lineOf).join("\n");
  return list ? `${text}\n\n${wordsOf(sources).sources}:\n\n${list}` : text;
}

/** @param {Citation} citation */
const lineOf = (citation) => `[${citation.n}] ${nameOf(citation)}${citation.url ? ` <${citation.url}>` : ""}  `;

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
