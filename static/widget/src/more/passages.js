/** The list of what an answer rests on, with the passages themselves. */
import { element } from "../dom.js";
import { nameOf } from "../sources.js";
import { say } from "../words.js";
import { wordsOf } from "./words.js";

/** @import { Sources } from "../sources.js"
 * @import { Citation } from "../types.js" */

/** Those of each list that stand there already. @type {WeakMap<Sources, Map<number, HTMLDetailsElement>>} */
const lists = new WeakMap();

/** @param {Sources} sources */
export function listPassages(sources) {
  const shown = lists.get(sources) ?? begin(sources);
  for (const [n, citation] of sources.known) {
    if (shown.has(n)) continue;
    const made = passage(citation, wordsOf(sources).openSource);
    shown.set(n, made);
    sources.node.lastElementChild?.append(element("li", {}, made));
  }
  sources.grew();
}

/** @param {Sources} sources @returns {Map<number, HTMLDetailsElement>} */
function begin(sources) {
  const shown = new Map();
  lists.set(sources, shown);
  sources.node.append(element("h3", {}, wordsOf(sources).sources), element("ol"));
  sources.node.hidden = false;
  return shown;
}

/** @param {Citation} citation @param {string} open */
function passage(citation, open) {
  const { n, text, url } = citation;
  const name = element("summary", {}, `${say("{n}", { n })}. `, element("bdi", {}, nameOf(citation)));
  const made = element("details", {}, name);
  if (text) made.append(element("blockquote", { dir: "auto" }, text));
  const to = url && link(url, open);
  if (to) made.append(to);
  return made;
}

/** @param {string} url @param {string} open */
function link(url, open) {
  const full = parsed(url);
  if (!full || !/^https?:$/.test(full.protocol)) return null;
  const values = { href: full.href, target: "_blank", rel: "noopener noreferrer" };
  return element("a", values, `${open} `, element("span", { class: "host" }, full.host));
}

/** @param {Sources} sources @param {number} n */
export function showPassage(sources, n) {
  const shown = lists.get(sources)?.get(n);
  if (!shown) return;
  shown.open = true;
  shown.querySelector("summary")?.focus();
  shown.scrollIntoView({ block: "nearest" });
}

/** @param {string} url */
function parsed(url) {
  try {
    return new URL(url, document.baseURI);
  } catch {
    return null;
  }
}
