/**
 * Entities: all numeric ones and those names that occur in chats. HTML knows 2,125 names, which would weigh
 * more than the whole renderer; others stay as they were written.
 */
const NAMES =
  "amp&lt<gt>quot\"apos'nbsp\u00a0copy©reg®trade™hellip…mdash—ndash–lsquo‘rsquo’ldquo“rdquo”bull•middot·deg°times×frac34¾euro€auml\u00e4ouml\u00f6uuml\u00fclarr←rarr→le≤ge≥ne≠";
/** @type {Map<string, string>} */
const table = new Map();
for (const [, name, character] of NAMES.matchAll(/([a-zA-Z]+(?:\d+(?![a-z]))?)([^])/g)) table.set(name, character);

/** @param {number} code */
const character = (code) => (code && code < 0x110000 ? String.fromCodePoint(code).replace(/[\ud800-\udfff]/u, "\ufffd") : "\ufffd");

/** @param {string} name between & and ; @returns {string | undefined} */
export const entity = (name) => (/^#(x[\da-f]{1,6}|\d{1,7})$/i.test(name) ? character(Number(`0${name.slice(1)}`)) : table.get(name));

/** Back-slashes and entities, in what is no running text: destinations, titles, a fence's language. @param {string} source */
export const unescaped = (source) =>
  source.replace(/\\([!-/:-@[-`{-~])|&(#?\w{1,31});/g, (all, escaped, name) => escaped ?? entity(name) ?? all);
