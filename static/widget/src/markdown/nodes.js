/**
 * From what inline parsing found to DOM nodes. Only the tail of an open block is parsed again as it grows, and what it
 * comes to is compared with what it came to before: nodes that are still right stay, text nodes grow by appendData.
 * Changes happen at the end of a block, so nodes are compared by place; from the first that differs on they are new.
 *
 * @typedef {{dom: ChildNode}} Ref  one for all descriptions of a node, as a click may put an image in a button's place
 * @typedef {{key: "", text: string, ref?: Ref, kept?: boolean}} Text  kept: its DOM node begins with text that is final
 * @typedef {{key: string, tag: string, depth: number, attributes: Attributes, children: Inline[], ref?: Ref, make?: (ref: Ref) => ChildNode}} Element
 * @typedef {Text | Element} Inline
 * @typedef {Record<string, string | null | undefined>} Attributes
 */

/** @param {string} text @returns {Text} */
export const text = (text) => ({ key: "", text });

/** @param {string} tag @param {Inline[]} [children] @param {Attributes} [attributes] @param {number} [depth] @returns {Element} */
export const element = (tag, children = [], attributes = {}, depth = 0) => ({ key: tag + (attributes.href ?? ""), tag, depth, attributes, children });

/** What makes itself, and is the same again if the key is. @param {string} key @param {(ref: Ref) => ChildNode} make @returns {Element} */
export const made = (key, make) => ({ ...element(key), make });

/** @param {Inline} node @returns {node is Text} */
export const isText = (node) => node.key === "";

/** @param {Inline[]} nodes @returns {string} */
export const plain = (nodes) => nodes.map((node) => (isText(node) ? node.text : (node.attributes.alt ?? plain(node.children)))).join("");

/** Adjacent texts as one. @param {Inline[]} nodes */
export function merged(nodes) {
  /** @type {Inline[]} */
  const all = [];
  for (const node of nodes) {
    const last = all.at(-1);
    if (!isText(node)) all.push(node);
    else if (last && isText(last)) last.text += node.text;
    else if (node.text || node.kept) all.push({ ...text(node.text), kept: node.kept });
  }
  return all;
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {Document} document @param {T} tag @param {Attributes} attributes @param {string} [words]
 */
export function create(document, tag, attributes, words) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null) node.setAttribute(name, value);
  if (words) node.appendChild(document.createTextNode(words));
  return node;
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {Node} parent @param {T} tag @param {Attributes} [attributes] @param {string} [words]
 * @returns {HTMLElementTagNameMap[T]}
 */
export function append(parent, tag, attributes = {}, words) {
  return parent.appendChild(create(/** @type {Document} */ (parent.ownerDocument), tag, attributes, words));
}

/** @param {Node} parent @param {Inline} node @returns {Ref} */
function build(parent, node) {
  const ref = /** @type {Ref} */ ({});
  if (isText(node)) ref.dom = parent.appendChild(/** @type {Document} */ (parent.ownerDocument).createTextNode(node.text));
  else if (node.make) ref.dom = parent.appendChild(node.make(ref));
  else {
    ref.dom = append(parent, /** @type {"a"} */ (node.tag), node.attributes);
    patch(ref.dom, [], node.children);
  }
  return ref;
}

/** @param {Text} old @param {Text} node */
function patchText(old, node) {
  const dom = /** @type {globalThis.Text} */ (node.ref?.dom);
  if (node.text.startsWith(old.text)) node.text.length > old.text.length && dom.appendData(node.text.slice(old.text.length));
  else dom.replaceData(dom.length - old.text.length, old.text.length, node.text);
}

/** @param {Node} parent @param {Inline[]} old what its last nodes were made from @param {Inline[]} nodes */
export function patch(parent, old, nodes) {
  let same = 0;
  for (; old[same] && old[same].key === nodes[same]?.key; same++) {
    const [was, is] = [old[same], nodes[same]];
    is.ref = was.ref;
    if (isText(was)) patchText(was, /** @type {Text} */ (is));
    else patch(/** @type {Ref} */ (is.ref).dom, was.children, /** @type {Element} */ (is).children);
  }
  for (const { ref } of old.slice(same)) ref?.dom.remove();
  for (const node of nodes.slice(same)) node.ref = build(parent, node);
}
