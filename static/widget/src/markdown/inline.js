/**
 * The text of one paragraph, heading or cell, as it grows.
 *
 * It is read again from where it was last final. A place is final if no bracket and no emphasis is open before it and what
 * stands there can't become longer: mostly that is the last word's start. Where something stays open, it is read again only
 * when it has grown by a 16th, so that hostile text costs a constant per character.
 * @import { Inline as Node } from "./nodes.js"
 * @import { Context } from "./index.js"
 */
import { isText, merged, patch, text } from "./nodes.js";
import { characterBefore, Scanner } from "./scanner.js";

export class Inline {
  #parent;
  #context;
  #source = "";
  #before = "";
  /** From here on nothing is final. @type {Node[]} */
  #tail = [];
  #due = 0;

  /** @param {HTMLElement} parent @param {Context} context */
  constructor(parent, context) {
    this.#parent = parent;
    this.#context = context;
  }

  /** @param {string} text */
  write(text) {
    this.#source += this.#source || this.#before ? text : text.replace(/^[ \t\n]+/, "");
    if (this.#source.length >= this.#due) this.#show(false);
  }

  end() {
    this.#show(true);
  }

  /** @param {boolean} complete */
  #show(complete) {
    const { emphasis, count, settled } = new Scanner(this.#source, complete, this.#before, this.#context);
    const [first] = this.#tail;
    const kept = first && isText(first) && first.kept ? [{ ...text(""), kept: true }] : [];
    const final = merged([...kept, ...emphasis.nodes.slice(0, count)]);
    const open = merged(emphasis.nodes.slice(count));
    const all = merged([...final, ...open]);
    patch(this.#parent, this.#tail, all);
    this.#tail = unsettled(all, final.length, open[0]);
    this.#before = characterBefore(this.#before, this.#source, settled);
    this.#source = this.#source.slice(settled);
    this.#due = this.#source.length + (this.#source.length >> 4);
  }
}

/** Of all nodes those that are open; a text's end may be open while its beginning is not. @param {Node[]} all @param {number} final how many @param {Node} [open] the first */
function unsettled(all, final, open) {
  const last = all[final - 1];
  if (!last || !isText(last)) return all.slice(final);
  last.text = open && isText(open) ? open.text : "";
  last.kept = true;
  return all.slice(final - 1);
}
