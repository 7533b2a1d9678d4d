/**
 * Which language a block's script gives away, for the voice that reads it out and the font that draws it. Latin script says
 * nothing; Han alone is taken for Chinese, with kana for Japanese. A word or two in a script don't count: half of the letters must be in it.
 */
/** @type {Record<string, string>} */
const SCRIPTS = { ja: "Hira}\\p{sc=Kana}\\p{sc=Han", ko: "Hang", zh: "Han", ru: "Cyrl", ar: "Arab", he: "Hebr", el: "Grek", th: "Thai" };

/** @param {string} text @param {string} set */
const count = (text, set) => text.match(new RegExp(`[\\p{${set}}]`, "gu"))?.length ?? 0;

/** @param {string} text @returns {string | undefined} */
export function languageOf(text) {
  const letters = /[\u0370-\uffff]/.test(text) && count(text, "L");
  if (letters) return Object.keys(SCRIPTS).find((name) => (name !== "ja" || /[\u3041-\u30ff]/.test(text)) && count(text, `sc=${SCRIPTS[name]}`) * 2 > letters);
}
