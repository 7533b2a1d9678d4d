/** What each language's file brings along: how its words and the page's own become what the chat says. */

/** @import { AllWords, Speech, WidgetOptions } from "./ui.js" */

const RIGHT_TO_LEFT = /^(ar|ckb|dv|fa|he|ks|ps|sd|ug|ur|yi)\b/;
const VALUE = /\{(\w+)[,}]/g;

/**
 * @param {string} name the language @param {AllWords} words
 * @returns {(asked: string, options: WidgetOptions) => Speech}
 */
export const speechIn = (name, words) => (asked, options) => {
  const lang = languageFor(name, asked, options);
  const tell = options.debug ? (/** @type {string} */ fault) => console.warn(`[ChatbotWidget] words: ${fault}`) : () => {};
  return { words: over(words, options.words, tell), lang, dir: RIGHT_TO_LEFT.test(lang) ? "rtl" : "ltr", locale: lang };
};

/** The one that was asked for, where the words are in it: these, or by the page's word its own. @param {string} name @param {string} asked @param {WidgetOptions} options */
function languageFor(name, asked, options) {
  const tag = canonical(asked);
  const isTheirs = options.lang && options.words;
  return tag && (isTheirs || tag.split("-")[0] === name) ? tag : name;
}

/** @param {string} tag */
function canonical(tag) {
  try {
    return Intl.getCanonicalLocales(tag.replaceAll("_", "-"))[0];
  } catch {
    return undefined;
  }
}

/**
 * The usual texts, and over them those given; what is no text, or an empty one, changes nothing: an empty `ai` would
 * keep from visitors what they have to know.
 * @template T @param {T} usual @param {unknown} given @param {(fault: string) => void} tell @param {string} [within] before their names
 * @returns {T}
 */
function over(usual, given, tell, within = "") {
  /** @type {any} */
  const words = { ...usual };
  if (!isObject(given) && given !== undefined) tell(`"${within}" should be an object`);
  for (const [key, text] of Object.entries(isObject(given) ? given : {})) {
    const name = within + key;
    const ours = Object.hasOwn(words, key) ? words[key] : undefined;
    if (!ours) tell(`there is no "${name}"`);
    else if (typeof ours === "object") words[key] = over(ours, text, tell, `${name}.`);
    else if (isText(text)) {
      words[key] = text;
      missing(ours, text).forEach((value) => tell(`"${name}" lacks {${value}}`));
    } else tell(`"${name}" should be a text, with a form "other" where it counts`);
  }
  return words;
}

/** @param {unknown} given @returns {given is object} */
const isObject = (given) => typeof given === "object" && given !== null;

/** @param {unknown} text @returns {text is string} */
const isText = (text) => typeof text === "string" && text.trim() !== "" && !/, plural(?!.*other \{.*\}\})/.test(text);

/** The values that a text has places for. @param {string} text */
export const valuesIn = (text) => [...new Set([...text.matchAll(VALUE)].map(([, name]) => name))].sort();

/** @param {string} ours @param {string} theirs */
function missing(ours, theirs) {
  const has = valuesIn(theirs);
  return valuesIn(ours).filter((value) => !has.includes(value));
}
