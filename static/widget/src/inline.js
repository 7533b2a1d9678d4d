/** The chat in an element of the page's, which it fills; it is open there for good. */

/** @import { Mounted } from "./ui.js" */

/**
 * @param {Mounted} mounted @param {() => void} shown told once it stands there
 * @returns {() => void} ends it
 */
export function settle({ host, options: { container }, leave }, shown) {
  const watch = new MutationObserver(put);
  function put() {
    const home = typeof container === "string" ? document.querySelector(container) : container;
    if (!home) return console.error("[ChatbotWidget] no", container);
    if (host.parentNode === home) return;
    home.append(host);
    shown();
  }
  function begin() {
    leave();
    host.toggleAttribute("data-inline", true);
    // A library that replaces the body brings another element.
    watch.observe(document.documentElement, { childList: true });
    put();
  }
  // The element may stand further down.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin, { once: true });
  else begin();
  return () => watch.disconnect();
}
