/** Fetches the colours for code once they are wanted, see `extras/highlight.js`. */

/** @type {WeakSet<ShadowRoot>} */
const dressed = new WeakSet();

/**
 * Colour the code of a finished answer; what is being selected is left alone.
 * @param {HTMLElement} answer @param {string} host
 */
export async function colourCode(answer, host) {
  const blocks = answer.querySelectorAll("pre>code[class^=language-]");
  const root = answer.getRootNode();
  if (!blocks.length || !(root instanceof ShadowRoot)) return;
  const extra = await import(`${host}/static/widget/js/${HIGHLIGHT}`);
  if (!dressed.has(root)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, extra.sheet()];
  dressed.add(root);
  const selected = getSelection()?.anchorNode;
  for (const block of blocks) if (!selected || !block.contains(selected)) extra.highlight(block);
}
