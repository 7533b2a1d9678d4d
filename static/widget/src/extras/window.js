/**
 * The whole window for the chat, where that is small. It is a modal <dialog> then: the browser itself keeps Tab and screen
 * readers from the page behind, whatever becomes of that page's body, and nothing of the page's is written to. The panel keeps to
 * the part of the window that a keyboard on the screen leaves free.
 */
import { listen } from "../dom.js";
import { SMALL_WINDOW } from "../small_window.js";

/** @import { Panel } from "../panel.js" */

const RULES = `
.panel:modal{inset:var(--top,0px) 0 auto;width:100%;height:var(--high,100%);border:0;border-radius:0;
padding:env(safe-area-inset-top) env(safe-area-inset-right) env(safe-area-inset-bottom) env(safe-area-inset-left)}
.launcher{margin-bottom:env(safe-area-inset-bottom)}
`;

/**
 * @param {Panel} panel
 * @returns {[fit: (isWanted?: boolean) => void, end: () => void]} the first after the panel was shown or hidden, told whether its
 *   field gets the focus
 */
export function fillWindow({ node, told, composer: { input } }) {
  const small = matchMedia(SMALL_WINDOW);
  const still = new CSSStyleSheet();
  dress(/** @type {ShadowRoot} */ (node.getRootNode()));
  const seen = /** @type {VisualViewport} */ (window.visualViewport);

  function fit(isWanted = input.matches(":focus")) {
    const { scale, offsetTop, height } = seen;
    // What a visitor has magnified is left as it is.
    if (scale <= 1) node.style.cssText = `--top:${offsetTop}px;--high:${height}px`;
    const isFull = small.matches && !node.hidden;
    if (isFull === node.open) return;
    hold(isFull);
    if (isFull) node.showModal();
    else node.close();
    if (isWanted) input.focus({ preventScroll: true });
    // A dialog gives the focus to its first button, which nobody has asked for.
    else if (isFull) /** @type {HTMLElement | null} */ (/** @type {ShadowRoot} */ (node.getRootNode()).activeElement)?.blur();
  }

  /** @param {boolean} isHeld whether the page behind can't be scrolled */
  function hold(isHeld) {
    // On the element whose `overflow` is the window's: on the other one it would move the page.
    const owner = getComputedStyle(document.documentElement).overflow === "visible" ? "body" : ":root";
    still.replaceSync(`@media screen{${owner}{overflow:hidden!important}}`);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets.filter((one) => one !== still), ...(isHeld ? [still] : [])];
  }

  // The browser closes a dialog by keys and gestures of its own, too.
  node.addEventListener("close", () => {
    if (node.open) return;
    hold(false);
    if (small.matches) told.close();
  });
  return [fit, listen(seen, ["resize", "scroll"], () => fit())];
}

/** @param {ShadowRoot} root */
function dress(root) {
  const made = new CSSStyleSheet();
  made.replaceSync(RULES);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, made];
}
