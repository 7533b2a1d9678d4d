/**
 * What an answer rests on: numbers in the text that open their passage in the list under it, which is more/passages.js.
 *
 * A source goes by its number `n`, never by its place in the list. A number that no source has is shown as dead where the
 * answer has sources at all; else it is a text like any other.
 */
import { element } from "./dom.js";
import { say } from "./words.js";

/** @import { Citation } from "./types.js"
 * @import { Words } from "./ui.js" */

export class Sources {
  /** By their number, as they came. @type {Map<number, Citation>} */
  known = new Map();
  node = element("section", { class: "sources", hidden: true });

  /** @param {Words} words @param {() => void} grew told when the list has */
  constructor(words, grew) {
    this.words = words;
    this.grew = grew;
  }

  /** @param {Citation[]} citations one that came before, by its number, stays */
  add(citations) {
    for (const citation of citations) {
      const { n } = Object(citation);
      if (Number.isInteger(n) && !this.known.has(n)) this.known.set(n, citation);
    }
    if (this.known.size) this.#list((more) => more.listPassages(this));
  }

  /** @param {(more: typeof import("./more/index.js")) => void} then */
  #list(then) {
    import("./more/index.js").then(then).catch(() => {});
  }

  /**
   * The number in the text.
   * @param {number} n @returns {HTMLElement | null} null: it is no reference
   */
  reference(n) {
    if (!this.known.size) return null;
    const shown = say("{n}", { n });
    const found = this.known.get(n);
    if (!found) return element("s", { class: "cite dead", title: say(this.words.noSource, { n }) }, shown);
    const label = say(this.words.source, { n, title: nameOf(found) });
    return element("button", { type: "button", class: "cite", "aria-label": label, click: () => this.#list((more) => more.showPassage(this, n)) }, shown);
  }
}

/** What a source is called. @param {Citation} citation */
export const nameOf = ({ title, url, place }) => [title || url, place].filter(Boolean).join(", ");
