/**
 * What has the focus in the page is never hidden by the chat (WCAG 2.2, 2.4.11): where it lies under it from end to end, the chat
 * lets it show through. The page's own layout and scroll are left alone.
 */
import { listen } from "./dom.js";

/**
 * @param {HTMLElement} host @param {HTMLElement[]} parts
 * @returns {() => void} ends it
 */
export function stepAside(host, parts) {
  function look() {
    const { activeElement: active, body } = document;
    const opacity = active && active !== body && active !== host && isUnder(active, host) ? ".1" : "";
    for (const { style } of parts) style.opacity = opacity;
  }
  // A frame later: a browser scrolls to what it has focused.
  return listen(window, ["focusin", "focusout", "scroll"], () => requestAnimationFrame(look), true);
}

/** @param {Element} node @param {Element} host */
function isUnder(node, host) {
  const { left, right, top, height } = node.getBoundingClientRect();
  return [left + 1, right - 1].every((x) => document.elementFromPoint(x, top + height / 2) === host);
}
