/**
 * What an answer rests on: numbers in the text that open their passage in the list under it.
 *
 * A source goes by its number `n`, never by its place in the list. A number that no source has is shown as dead where the
 * answer has sources at all; else it is a text like any other.
 */
import { element } from "./dom.js";
import { say } from "./words.js";

/** @import { Citation } from "./types.js"
 * @import { Words } from "./ui.js" */

export class Sources {
  /** @type {Map<number, HTMLDetailsElement>} */
  #passages = new Map();
  #words;
  node = element("section", { class: "sources", hidden: true });
  #list = element("ol");
  /** As they came. @type {Citation[]} */
  all = [];

  /** @param {Words} words */
  constructor(words) {
    this.#words = words;
    this.node.append(element("h3", {}, words.sources), this.#list);
  }

  get count() {
    return this.#passages.size;
  }

  /** @param {Citation[]} citations one that came before, by its number, stays */
  add(citations) {
    for (const citation of citations) {
      if (Number.isInteger(citation?.n) && !this.#passages.has(citation.n)) this.#append(citation);
    }
    this.node.hidden = !this.count;
  }

  /** @param {Citation} citation */
  #append(citation) {
    const { n, title, place, text, url } = citation;
    this.all.push(citation);
    const name = element("summary", {}, `${say("{n}", { n })}. `, element("bdi", {}, (title || url || "") + (place ? `, ${place}` : "")));
    const passage = element("details", {}, name);
    if (text) passage.append(element("blockquote", { dir: "auto" }, text));
    const link = url && this.#link(url);
    if (link) passage.append(link);
    this.#passages.set(n, passage);
    this.#list.append(element("li", {}, passage));
  }

  /** @param {string} url */
  #link(url) {
    const full = parsed(url);
    if (!full || !/^https?:$/.test(full.protocol)) return null;
    const values = { href: full.href, target: "_blank", rel: "noopener noreferrer" };
    return element("a", values, `${this.#words.openSource} `, element("span", { class: "host" }, full.host));
  }

  /**
   * The number in the text.
   * @param {number} n @returns {HTMLElement | null} null: it is no reference
   */
  reference(n) {
    if (!this.count) return null;
    const passage = this.#passages.get(n);
    if (!passage) return element("s", { class: "cite dead", title: say(this.#words.noSource, { n }) }, say("{n}", { n }));
    const title = passage.querySelector("bdi")?.textContent ?? "";
    const label = say(this.#words.source, { n, title });
    return element("button", { type: "button", class: "cite", "aria-label": label, click: () => show(passage) }, say("{n}", { n }));
  }
}

/** @param {HTMLDetailsElement} passage */
function show(passage) {
  passage.open = true;
  passage.querySelector("summary")?.focus();
  passage.scrollIntoView({ block: "nearest" });
}

/** @param {string} url */
function parsed(url) {
  try {
    return new URL(url, document.baseURI);
  } catch {
    return null;
  }
}
