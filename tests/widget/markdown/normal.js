/**
 * One way to write down both what the CommonMark specification expects and what was rendered. What it makes equal:
 *
 * - dir, lang, rel, target, referrerpolicy, tabindex are left out, and classes other than a code's language;
 * - addresses are resolved against the page, as the renderer sets them resolved, and brackets in them are escaped;
 * - the label with a link's host is left out, and the space before it;
 * - a code block's box and head are left out: `pre` and `code` stay;
 * - an image's button is pressed, and the image it gives is compared;
 * - `p` in items of a list that has no class "loose" are left out: how tight it is, is a class here;
 * - white space between blocks, and at the ends of a block (not in code).
 */
import { parseHTML } from "linkedom";
import { BASE, rendered } from "./page.js";

const KEPT = { a: ["href", "title"], img: ["src", "alt", "title"], ol: ["start"], code: ["class"], input: ["type", "checked", "disabled"] };
const BLOCK = /^(p|h[1-6]|ul|ol|li|blockquote|pre|hr|div|main|table|thead|tbody|tr|th|td)$/;
const VOID = /^(br|hr|img|input)$/;

/** @param {string} value */
function resolved(value) {
  try {
    return new URL(value, BASE).href.replace(/[[\]]/g, encodeURIComponent);
  } catch {
    return value;
  }
}

/** @param {Element} node @param {string} name */
function attribute(node, name) {
  const value = node.getAttribute(name);
  if (value === null) return "";
  return ` ${name}="${escaped(/^(href|src)$/.test(name) ? resolved(value) : value)}"`;
}

/** @param {string} text */
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");

/** @param {Element} node */
const skipped = (node) => node.localName === "span" && /^(host|language)$/.test(node.className);

/** @param {Element} node */
const bare = (node) => node.localName === "div" || (node.localName === "p" && node.parentNode.localName === "li" && !node.parentNode.parentNode.className.includes("loose"));

/** @param {Element} node */
function content(node) {
  const parts = [...node.childNodes].map((child) => written(child, node));
  const all = parts.join("");
  return BLOCK.test(node.localName) && node.localName !== "pre" ? all.replace(/\n*\x01\n*/g, "\x01").replace(/^[ \n\x01]+|[ \n\x01]+$/g, "") : all;
}

/** @param {ChildNode} node @param {Element} parent */
function written(node, parent) {
  if (node.nodeType === 3) return text(node, parent);
  if (node.nodeType !== 1 || skipped(node) || node.className === "head") return "";
  const inner = content(node);
  if (bare(node)) return `\x01${inner}\x01`;
  const name = node.localName;
  const start = `<${name}${(KEPT[name] ?? []).map((key) => attribute(node, key)).join("")}>`;
  const all = VOID.test(name) ? start : `${start}${inner}</${name}>`;
  return BLOCK.test(name) ? `\x01${all}\x01` : all;
}

/** @param {ChildNode} node @param {Element} parent */
function text(node, parent) {
  const beforeHost = node.nextSibling?.className === "host";
  const data = beforeHost ? node.data.replace(/ $/, "") : node.data;
  return escaped(/^(ul|ol|table|tr|thead|tbody)$/.test(parent.localName) ? data.trim() : data);
}

/** @param {Element} root */
function normal(root) {
  return content(root).replace(/\x01+/g, "\n");
}

/** @param {string} html */
export function expected(html) {
  const root = parseHTML(`<!doctype html><html><body><main>${html}</main></body></html>`).document.querySelector("main");
  for (const list of root.querySelectorAll("ul, ol")) if ([...list.children].some((item) => item.querySelector(":scope > p"))) list.className = "loose";
  return normal(root);
}

/** @param {string} markdown */
export function actual(markdown) {
  const root = rendered(markdown);
  for (const button of root.querySelectorAll("button.image")) button.click();
  return normal(root);
}
