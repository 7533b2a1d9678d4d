/** Takes a text along. */
import { drop, element } from "../dom.js";

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
