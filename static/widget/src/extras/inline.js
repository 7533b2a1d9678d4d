/**
 * The chat in an element of the page's, which it fills; it is open there for good. A file of its own, for the pages that want it
 * (`data-container`).
 */

/** @import { Mounted } from "../ui.js" */

const RULES = `
.panel.inline{position:relative;inset:auto;width:100%;height:var(--chatbot-height,100%);min-height:280px;max-height:100vh;box-shadow:none;animation:none}
.inline header .icon:last-child{display:none}
:host([data-inline]){all:initial!important;display:block!important;width:100%!important;height:100%!important}
@media print{.inline,.inline *{max-height:none!important;height:auto!important;overflow:visible!important}.inline :is(form,button){display:none}}
`;

/**
 * @param {Mounted} mounted @param {() => void} shown told once it stands there
 * @returns {() => void} ends it
 */
export function settle({ host, root, options: { container }, leave }, shown) {
  const watch = new MutationObserver(put);
  function put() {
    const home = typeof container === "string" ? document.querySelector(container) : container;
    if (!home) return console.error("[ChatbotWidget] no element", container);
    if (host.parentNode === home) return;
    home.append(host);
    shown();
  }
  function begin() {
    leave();
    host.toggleAttribute("data-inline", true);
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet()];
    // A library that replaces the body brings another element.
    watch.observe(document.documentElement, { childList: true });
    put();
  }
  // The element may stand further down.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin, { once: true });
  else begin();
  return () => {
    document.removeEventListener("DOMContentLoaded", begin);
    watch.disconnect();
    leave();
  };
}

function sheet() {
  const made = new CSSStyleSheet();
  made.replaceSync(RULES);
  return made;
}
