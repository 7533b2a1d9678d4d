/** Elements made in one call: nothing here ever reads a text as markup. */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | boolean | (() => void) | undefined>} [values] attributes; functions are listeners
 * @param {Array<Node | string>} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, values = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(values)) set(made, name, value);
  made.append(...children);
  return made;
}

/** @param {HTMLElement} node @param {string} name @param {string | boolean | (() => void) | undefined} value */
function set(node, name, value) {
  if (typeof value === "function") node.addEventListener(name, value);
  else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
}

/** Take a node out; the focus, where it was in it, goes to `next`. @param {Element} node @param {HTMLElement} [next] */
export function drop(node, next) {
  const root = node.getRootNode();
  const hadFocus = root instanceof ShadowRoot && node.contains(root.activeElement);
  node.parentNode?.removeChild(node);
  if (hadFocus) next?.focus();
}

/** @param {string} label @param {() => void} press @param {string} [className] */
export function button(label, press, className = "button") {
  return element("button", { type: "button", class: className, dir: "auto", click: press }, label);
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * A button that shows a drawing, and has a name.
 * @param {string} label @param {string} drawing path data in a square of 24 @param {() => void} press
 */
export function iconButton(label, drawing, press) {
  const icon = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  path.setAttribute("d", drawing);
  icon.append(path);
  const made = element("button", { type: "button", class: "icon", "aria-label": label, title: label, click: press });
  made.append(icon);
  return made;
}

export const ICONS = {
  close: "M6 6l12 12M18 6L6 18",
  send: "M4 12l16-8-6 16-3-7z",
  stop: "M7 7h10v10H7z",
  up: "M7 11v9H4v-9zm0 0l4-8c1.5 0 2.5 1 2.5 2.500L13 9h6l-1.5 9c-.2 1.2-1 2-2.2 2H7",
  down: "M7 13V4H4v9zm0 0l4 8c1.5 0 2.5-1 2.5-2.500L13 15h6l-1.5-9c-.2-1.2-1-2-2.2-2H7",
};
