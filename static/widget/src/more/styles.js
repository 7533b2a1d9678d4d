/** The style sheet of what is in this file of its own. */
import { RULES } from "./rules.js";

/** @param {ShadowRoot} root */
export function dress(root) {
  const made = new CSSStyleSheet();
  made.replaceSync(RULES);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, made];
}
