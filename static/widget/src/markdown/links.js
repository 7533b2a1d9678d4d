/**
 * Where links lead. An address counts as what the URL parser makes of it, for that is what a browser would open: tabs in
 * `java\nscript:`, entities and mixed case are gone by then. Three schemes pass. Nothing else becomes an address at all.
 *
 * Half a link is neither one nor none: what ends with the text says so by `short`, and is asked again when more has come.
 * Addresses, titles and labels have a longest length, else 10,000 `](` would each look to the end of the text.
 */
import { unescaped } from "./entities.js";

export const PARTIAL = Symbol();
/** @typedef {{href: string, title: string}} Target */

/** @param {string} href @param {string} [base] @returns {URL | null} */
export function safeURL(href, base) {
  try {
    const url = new URL(href.replace(/\\/g, "%5C"), base);
    return /^(https?|mailto):$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/** The host (of mail the address), unless the words begin with it or it is the page's own. @param {URL} url @param {string} words @param {string} [base] */
export function hostToShow(url, words, base) {
  const host = url.host || url.pathname;
  const [shown] = words.trim().toLowerCase().replace(/^(https?:\/\/|mailto:)/, "").split(/[/?#]/);
  return host === shown || host === safeURL("", base)?.host ? "" : host;
}

/** @param {string} label */
export const labelKey = (label) => label.trim().replace(/\s+/g, " ").toLowerCase().toUpperCase();

/** @param {string} label @param {string} href @param {string | undefined} title @param {number} end */
const found = (label, href, title = "", end) => ({ label, href: unescaped(href), title: unescaped(title), end });

class Reader {
  #source;
  #at;
  #complete;
  #short = false;

  /** @param {string} source @param {number} at @param {boolean} complete */
  constructor(source, at, complete) {
    this.#source = source;
    this.#at = at;
    this.#complete = complete;
  }

  #peek() {
    this.#short ||= !this.#complete && this.#at >= this.#source.length;
    return this.#source[this.#at];
  }

  /** @param {RegExp} sticky */
  #match(sticky) {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#source);
    if (found) this.#at = sticky.lastIndex;
    this.#peek();
    return found?.[0];
  }

  /** @param {string} character */
  #next(character) {
    return this.#peek() === character && !!++this.#at;
  }

  /** @param {RegExp} body @param {string} end */
  #quoted(body, end) {
    this.#at++;
    const found = this.#match(body);
    return this.#next(end) ? found : undefined;
  }

  #destination() {
    return this.#peek() === "<" ? this.#quoted(/(?:[^<>\n\\]|\\.?){0,2000}/y, ">") : this.#bare();
  }

  /** Parentheses may stand in an address if each has its other. */
  #bare() {
    const start = this.#at;
    let depth = 0;
    for (let c; (c = this.#peek()) > " " && this.#at - start < 2000; this.#at++) {
      if (c === "\\" && /[!-/:-@[-`{-~]/.test(this.#source[this.#at + 1])) this.#at++;
      else if (c === "(") depth++;
      else if (c === ")" && !depth--) break;
    }
    return depth > 0 ? undefined : this.#source.slice(start, this.#at);
  }

  /** After white space. */
  #title() {
    const c = this.#space() && this.#peek();
    const end = c === "(" ? ")" : c;
    return c && end && /["'(]/.test(c) ? this.#quoted(new RegExp(`(?:[^${c}${end}\\\\]|\\\\[^]?){0,1000}`, "y"), end) : undefined;
  }

  #space() {
    return this.#match(/[ \t]*\n?[ \t]*/y);
  }

  /** After `](`. */
  inline() {
    this.#space();
    const href = this.#destination();
    const title = this.#title();
    this.#space();
    if (href != null && this.#next(")")) return found("", href, title, this.#at);
    return this.#short ? PARTIAL : null;
  }

  /** Its label has a shorter longest length: till its end nothing is shown of a paragraph that begins with a bracket. */
  definition() {
    const label = this.#quoted(/(?:[^[\]\\]|\\[^]?){0,200}/y, "]");
    const href = label?.trim() && this.#next(":") ? (this.#space(), this.#destination()) : undefined;
    if (this.#short) return PARTIAL;
    return href == null || (!href && this.#source[this.#at - 1] !== ">") ? null : this.#ended(labelKey(label ?? ""), href);
  }

  /** @param {string} label @param {string} href */
  #ended(label, href) {
    const end = /[ \t]*(?:\n|$)/y;
    const start = this.#at;
    const plainEnd = this.#match(end) != null && this.#at;
    this.#at = start;
    const title = this.#title();
    const titled = title != null && this.#match(end) != null;
    if (this.#short) return PARTIAL;
    if (titled) return found(label, href, title, this.#at);
    return plainEnd ? found(label, href, "", plainEnd) : null;
  }
}

/** @param {string} source @param {number} at after `](` @param {boolean} complete */
export const inlineTarget = (source, at, complete) => new Reader(source, at, complete).inline();

/** `[label]: address "title"` at the start. @param {string} source @param {boolean} complete */
export const definition = (source, complete) => new Reader(source, 0, complete).definition();
