/**
 * Which language a block's script gives away, for the voice that reads it out and the font that draws it. Latin script says
 * nothing; Han alone is taken for Chinese, with kana for Japanese. A word or two in a script don't count: half of the letters must be in it.
 */
const SCRIPTS = Object.entries({ ja: "Hira}\\p{sc=Kana}\\p{sc=Han", ko: "Hang", zh: "Han", ru: "Cyrl", ar: "Arab", he: "Hebr", el: "Grek", th: "Thai", hi: "Deva" });

/** @param {string} text @param {string} script */
const count = (text, script) => text.match(new RegExp(`[\\p{sc=${script}}]`, "gu"))?.length ?? 0;

/** @param {string} text @returns {string | undefined} */
export function languageOf(text) {
  if (!/[\u0370-\uffff]/.test(text)) return;
  const half = count(text, "Latn") + SCRIPTS.slice(1).reduce((sum, [, script]) => sum + count(text, script), count(text, "Hira}\\p{sc=Kana"));
  const kana = /[\p{sc=Hira}\p{sc=Kana}]/u.test(text);
  return SCRIPTS.find(([language, script]) => (language !== "ja" || kana) && count(text, script) * 2 > half)?.[0];
}
