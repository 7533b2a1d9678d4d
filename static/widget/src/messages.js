/** What was said, as nodes: a visitor's question, and an answer that grows. */
import { button, drop, element, iconButton, ICONS } from "./dom.js";
import { Frames } from "./frames.js";
import { MarkdownRenderer } from "./markdown/index.js";
import { Sources } from "./sources.js";
import { say } from "./words.js";

/** @import { Citation } from "./types.js"
 * @import { Words } from "./ui.js" */

/** What is said is in the page's language until it tells another. */
const pageLanguage = () => document.documentElement.lang || undefined;

/** @param {string} text @param {number} n @param {Words} words */
export function userMessage(text, n, words) {
  const content = element("div", { class: "message-content", dir: "auto", lang: pageLanguage() }, text);
  return element("article", { class: "message user", "aria-label": say(words.question, { n }) }, content);
}

/**
 * An answer. `write` it as it comes, then `finish` it.
 */
export class BotMessage {
  /** @param {string} label @param {Words} words @param {() => void} grew told after each change of its size */
  constructor(label, words, grew) {
    this.words = words;
    this.sources = new Sources(words);
    this.grew = grew;
    this.content = element("div", { class: "message-content", "aria-busy": "true", lang: pageLanguage() });
    this.node = element("article", { class: "message bot", "aria-label": label, tabindex: "-1" }, this.content, this.sources.node);
    this.#renderer = new MarkdownRenderer(this.content, {
      citation: (n) => this.sources.reference(n),
      copy: (text) => copyButton(text, words),
      words: { image: words.image, done: words.taskDone, open: words.taskOpen },
    });
    this.#frames = new Frames((text) => {
      this.#renderer.write(text);
      grew();
    });
  }

  #renderer;
  #frames;

  /** @param {string} text */
  write(text) {
    this.#frames.write(text);
  }

  /** @param {Citation[]} citations */
  cite(citations) {
    this.sources.add(citations);
    this.grew();
  }

  /** No more comes. A second time is nothing. */
  finish() {
    if (!this.content.hasAttribute("aria-busy")) return;
    this.content.removeAttribute("aria-busy");
    this.#frames.flush();
    this.#renderer.end();
  }

  get countOfWords() {
    return countWords(this.content.textContent ?? "") - this.content.querySelectorAll(".cite").length;
  }

  /**
   * Thumbs.
   * @param {(rating: "up" | "down" | null) => Promise<unknown>} rate
   */
  offerRating(rate) {
    const said = element("span", { role: "status" });
    const { helpful, notHelpful } = this.words;
    /** @param {HTMLElement} made @param {"up" | "down"} rating */
    const press = (made, rating) => this.#rate(pressed(made, thumbs) ? rating : null, rate, said, () => pressed(made, thumbs));
    const up = iconButton(helpful, ICONS.up, () => press(up, "up"));
    const down = iconButton(notHelpful, ICONS.down, () => press(down, "down"));
    const thumbs = [up, down];
    for (const thumb of thumbs) thumb.setAttribute("aria-pressed", "false");
    this.node.append(element("div", { class: "actions" }, up, down, said));
    this.grew();
  }

  /**
   * @param {"up" | "down" | null} rating @param {(rating: "up" | "down" | null) => Promise<unknown>} rate
   * @param {HTMLElement} said @param {() => void} takeBack
   */
  #rate(rating, rate, said, takeBack) {
    const { thanks, notRated } = this.words;
    rate(rating).then(
      () => (said.textContent = rating ? thanks : ""),
      () => {
        said.textContent = notRated;
        takeBack();
      },
    );
  }
}

/** Of some toggles press one; whether it is on now. @param {HTMLElement} toggle @param {HTMLElement[]} all */
function pressed(toggle, all) {
  const isOn = toggle.getAttribute("aria-pressed") !== "true";
  for (const each of all) each.setAttribute("aria-pressed", String(isOn && each === toggle));
  return isOn;
}

/** @param {() => string} text told when it is pressed @param {Words} words */
export function copyButton(text, words, label = words.copy) {
  const made = button(label, async () => {
    made.textContent = (await copied(text())) ? words.copied : label;
    setTimeout(() => (made.textContent = label), 2000);
  });
  return made;
}

/** @param {string} text */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text);
  }
}

/** Where a page has no clipboard (plain http, a frame without the permission). @param {string} text */
function copiedByHand(text) {
  const field = element("textarea", { readonly: true });
  field.value = text;
  document.documentElement.append(field);
  field.select();
  const done = document.execCommand("copy");
  drop(field);
  return done;
}

/**
 * Words, for a script that puts no space between them its characters. (`Intl.Segmenter` would load dictionaries: its first use takes a
 * page's thread 30 ms.)
 */
const WORD = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]|[\p{L}\p{N}][\p{L}\p{M}\p{N}'’]*/gu;

/** @param {string} text */
const countWords = (text) => text.match(WORD)?.length ?? 0;
