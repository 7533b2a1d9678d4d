/**
 * Colours for code: a file of its own, by a library (lowlight, after highlight.js), that is loaded when an answer has code and the
 * page wants it (`data-highlight`). The library gives a tree, not HTML, so nodes are made of it here.
 */
import { common, createLowlight } from "lowlight";

const RULES = `
.hljs-comment,.hljs-quote{color:var(--soft);font-style:italic}
.hljs-keyword,.hljs-selector-tag,.hljs-literal,.hljs-type{color:var(--code-word)}
.hljs-string,.hljs-regexp,.hljs-addition,.hljs-attribute{color:var(--code-text)}
.hljs-number,.hljs-symbol,.hljs-bullet,.hljs-meta{color:var(--code-number)}
.hljs-title,.hljs-section,.hljs-name,.hljs-built_in,.hljs-attr{color:var(--code-name)}
.panel{--code-word:#8250df;--code-text:#0a5c36;--code-number:#a04100;--code-name:#0550ae}
@media (prefers-color-scheme:dark){.panel.auto{--code-word:#d2a8ff;--code-text:#9be9a8;--code-number:#ffb77c;--code-name:#79c0ff}}
.panel.dark{--code-word:#d2a8ff;--code-text:#9be9a8;--code-number:#ffb77c;--code-name:#79c0ff}
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
