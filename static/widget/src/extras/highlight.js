/**
 * Colours for code: a file of its own, by a library (lowlight, after highlight.js), that is loaded when an answer has code and the
 * page wants it (`data-highlight`). The library gives a tree, not HTML, so nodes are made of it here.
 */
import { common, createLowlight } from "lowlight";

const RULES = `
.hljs-comment,.hljs-quote{color:var(--soft);font-style:italic}
.hljs-keyword,.hljs-selector-tag,.hljs-literal,.hljs-type{color:color-mix(in srgb,var(--ink) 40%,#8250df)}
.hljs-string,.hljs-regexp,.hljs-addition,.hljs-attribute{color:color-mix(in srgb,var(--ink) 40%,#0a7d46)}
.hljs-number,.hljs-symbol,.hljs-bullet,.hljs-meta{color:color-mix(in srgb,var(--ink) 40%,#c05000)}
.hljs-title,.hljs-section,.hljs-name,.hljs-built_in,.hljs-attr{color:color-mix(in srgb,var(--ink) 40%,#1f6feb)}
`;
const library = createLowlight(common);

/** @typedef {{ type: string, value?: string, properties?: { className?: string[] }, children?: Tree[] }} Tree */

/** @param {Tree} tree @returns {Node} */
function node(tree) {
  if (tree.type === "text") return document.createTextNode(tree.value ?? "");
  const made = tree.type === "root" ? document.createDocumentFragment() : document.createElement("span");
  if (made instanceof HTMLElement) made.className = (tree.properties?.className ?? []).join(" ");
  made.append(...(tree.children ?? []).map(node));
  return made;
}

/** The style sheet that goes with it. */
export function sheet() {
  const made = new CSSStyleSheet();
  made.replaceSync(RULES);
  return made;
}

/** Colour a block of code; one in an unknown language stays as it is. @param {Element} code */
export function highlight(code) {
  const language = code.className.replace("language-", "");
  if (!library.registered(language)) return;
  code.replaceChildren(node(/** @type {Tree} */ (library.highlight(language, code.textContent ?? ""))));
}
