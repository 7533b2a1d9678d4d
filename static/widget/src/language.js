/**
 * Which language the chat speaks. English is here, without a word of the page's; all else comes with a language's file (locales/), and
 * where that doesn't come the chat is in English.
 */
import { extra } from "./extra.js";
import { speak, WORDS } from "./words.js";

/** @import { Speech, WidgetOptions } from "./ui.js" */

/** Files that have come, by language. @type {Record<string, { speech: (asked: string, options: WidgetOptions) => Speech }>} */
export const spoken = {};

/** @param {string} tag */
const base = (tag) => tag.slice(0, 2).toLowerCase();

/** The option, else the page's language, else the first of the browser's that the chat has. @param {WidgetOptions} options */
const asked = ({ lang }) => String(lang || document.documentElement.lang || navigator.languages.find((tag) => LANGUAGES.includes(base(tag))));

/** The file for it; a page's own words, in whichever language, come with that of English. @param {WidgetOptions} options */
function fileFor(options) {
  const name = base(asked(options));
  return LANGUAGES.indexOf(name) > 0 ? name : options.words ? "en" : "";
}

/** Get what the chat needs to speak as it is asked to. @param {WidgetOptions} options */
export async function fetchWords(options) {
  const name = fileFor(options);
  if (name) spoken[name] ??= await extra(options, `words-${name}`).catch(() => undefined);
}

/** The words that are there: without a language's file (the npm package) the page's own. What is said from now on is counted in their language. @param {WidgetOptions} options @returns {Speech} */
export function speechFor(options) {
  const file = spoken[fileFor(options)] ?? (options.words && spoken.en);
  const speech = file?.speech(asked(options), options) ?? { words: WORDS, lang: "en", dir: "ltr" };
  speak(speech.lang);
  return speech;
}
