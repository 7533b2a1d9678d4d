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

/**
 * @param {EventTarget} target @param {readonly string[]} types @param {(event: Event) => void} heard @param {boolean} [isCapture]
 * @returns {() => void} ends it
 */
export function listen(target, types, heard, isCapture) {
  for (const type of types) target.addEventListener(type, heard, isCapture);
  return () => {
    for (const type of types) target.removeEventListener(type, heard, isCapture);
  };
}

/** A fault that must not pass in silence, and ends nothing. @param {unknown} error */
export const fault = (error) => console.error("[ChatbotWidget]", error);

/** Take a node out; the focus, where it was in it, goes to `next`. @param {Element} node @param {HTMLElement} [next] */
export function drop(node, next) {
  const root = node.getRootNode();
  const hadFocus = root instanceof ShadowRoot && node.contains(root.activeElement);
  node.parentNode?.removeChild(node);
  if (hadFocus) next?.focus();
}

/** The classes of what can be done about the newest turn only: it goes when the next one begins. */
export const ACT = "act";

/** @param {string} label @param {() => void} press @param {string} [className] */
export function button(label, press, className = "button") {
  return element("button", { type: "button", class: className, dir: "auto", click: press }, label);
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * A button that shows a drawing, and has a name.
 * @param {string} label @param {string} drawing path data in a square of 24 @param {() => void} press
 * @param {string} [more] further classes
 */
export function iconButton(label, drawing, press, more = "") {
  const icon = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  path.setAttribute("d", drawing);
  icon.append(path);
  const made = element("button", { type: "button", class: `icon ${more}`, "aria-label": label, title: label, click: press });
  made.append(icon);
  return made;
}

export const ICONS = {
  close: "M6 6l12 12M18 6L6 18",
  send: "M12 20V5M5 12l7-7 7 7",
  stop: "M7 7h10v10H7z",
  more: "M4.500 12h1M11.500 12h1M18.500 12h1",
};
