/**
 * What has the focus in the page is never hidden by the chat (WCAG 2.2, 2.4.11): where its middle lies under it, the chat lets it
 * show through. The page's own layout and scroll are left alone.
 */
/** @import { Mounted } from "../ui.js" */

/** @param {Mounted} mounted @param {HTMLElement} panel @param {AbortSignal} signal ends it */
export function stepAside({ host, launcher }, panel, signal) {
  function look() {
    const { activeElement: active, body } = document;
    const isPages = active && active !== body && active !== host;
    const opacity = isPages && isUnder(active, host) ? ".1" : "";
    for (const { style } of [launcher, panel]) style.opacity = opacity;
  }
  // A frame later: a browser scrolls to what it has focused.
  const soon = () => requestAnimationFrame(look);
  for (const type of ["focusin", "focusout", "scroll"]) addEventListener(type, soon, { capture: true, signal });
  soon();
}

/** @param {Element} node @param {Element} host */
function isUnder(node, host) {
  const { x, y, width, height } = node.getBoundingClientRect();
  return document.elementFromPoint(x + width / 2, y + height / 2) === host;
}
