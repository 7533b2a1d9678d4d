/**
 * The open chat's style sheets. They are constructed: a page's Content-Security-Policy has no say in them, and the page's own
 * rules don't reach them.
 */
import { RULES } from "./rules.js";

/** The open chat's style sheet. */
export function sheet() {
  const made = new CSSStyleSheet();
  made.replaceSync(RULES);
  return made;
}

/** One for each chat, however often it begins anew. @type {WeakMap<ShadowRoot, CSSStyleSheet>} */
const tints = new WeakMap();

/**
 * Give the chat that holds `node` the owner's colour.
 * @param {HTMLElement} node @param {string | undefined} accent any CSS colour
 */
export function tint(node, accent) {
  const root = node.getRootNode();
  if (!accent || !CSS.supports("color", accent) || !(root instanceof ShadowRoot)) return;
  const made = tints.get(root) ?? new CSSStyleSheet();
  made.replaceSync(`:host{--accent:var(--chatbot-accent,${accent})}`);
  if (!tints.has(root)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, made];
  tints.set(root, made);
}
