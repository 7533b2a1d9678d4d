/** Each language says all that English says, with the same values, in the forms that it counts with; a page's own words are taken as far as they are texts. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { afterEach, describe, test } from "node:test";

import english, { speech } from "../../../static/widget/src/locales/en.js";
import { valuesIn } from "../../../static/widget/src/speech.js";
import { say, speak } from "../../../static/widget/src/words.js";

const FOLDER = "../../../static/widget/src/locales";
const names = readdirSync("static/widget/src/locales").map((file) => file.replace(".js", ""));
const languages = new Map(await Promise.all(names.map(async (name) => [name, (await import(`${FOLDER}/${name}.js`)).default])));
/** English words that are the language's own too. */
const SAME = { it: ["title"], ar: [], ja: [] };
/** Names that are written alike everywhere. */
const NAMES = /\b(AI|ID)\b/g;

/** All texts by name. */
const flat = (words, within = "") =>
  Object.entries(words).flatMap(([key, text]) => (typeof text === "string" ? [[within + key, text]] : flat(text, `${key}.`)));
const forms = (text) => [...text.matchAll(/\{(\w+), plural, ((?:\w+ \{[^{}]*\} ?)+)\}/g)].map(([, name, all]) => [name, [...all.matchAll(/(\w+) \{([^{}]*)\}/g)]]);

afterEach(() => speak("en"));

for (const [name, words] of languages) {
  describe(`in ${name}`, () => {
    test("each text of English is there, with the same values", () => {
      const usual = flat(english);
      assert.deepEqual(flat(words).map(([key]) => key).sort(), usual.map(([key]) => key).sort());
      const there = Object.fromEntries(flat(words));
      for (const [key, text] of usual) assert.deepEqual([key, valuesIn(there[key])], [key, valuesIn(text)]);
    });

    test("what is counted has a form for each category, the last for all others", () => {
      const { pluralCategories } = new Intl.PluralRules(name).resolvedOptions();
      const counted = flat(words).flatMap(([key, text]) => forms(text).map(([value, all]) => [`${key} {${value}}`, all]));
      assert.ok(counted.length >= 8);
      for (const [key, all] of counted) {
        const categories = all.map(([, category]) => category);
        assert.deepEqual([key, [...categories].sort()], [key, [...pluralCategories].sort()]);
        assert.equal(categories.at(-1), "other", key);
        assert.ok(all.every(([, , text]) => text.trim()), key);
      }
      // Nothing is left that only looks like a plural.
      for (const [key, text] of flat(words)) assert.equal(text.split(", plural").length - 1, forms(text).length, key);
    });

    test("counts are said in it", () => {
      speak(name);
      const said = (words_) => say(words.answered, { words: words_ });
      for (const count of [0, 1, 2, 3, 11, 100, 1234]) assert.doesNotMatch(said(count), /[{}#]|undefined/);
      assert.ok(said(1234).includes((1234).toLocaleString(name)));
    });

    if (name === "en") return;
    test("no English is left", () => {
      const usual = Object.fromEntries(flat(english));
      const same = flat(words).filter(([key, text]) => text === usual[key]).map(([key]) => key);
      assert.deepEqual(same, SAME[name]);
      if (name === "it") return;
      for (const [key, text] of flat(words)) {
        const rest = text.replace(/\{\w+\}/g, "").replace(/\{\w+, plural,/g, "").replace(/\b(zero|one|two|few|many|other) \{/g, "").replace(NAMES, "");
        assert.doesNotMatch(rest, /[a-z]/i, key);
      }
    });
  });
}

test("one is one, in each sentence", () => {
  const of = (key, values) => say(english[key], values);
  assert.equal(of("answeredSources", { words: 1, sources: 1 }), "Answered, 1 word, 1 source");
  assert.equal(of("answeredSources", { words: 2, sources: 0 }), "Answered, 2 words, 0 sources");
  assert.equal(of("tooLong", { over: 1 }), "1 character too many");
  assert.equal(of("forgotten", { conversations: 1, messages: 1200 }), "Deleted: 1 conversation and 1,200 messages.");
  assert.equal(of("consentText", { name: "Tea", days: 30 }), "This chat is an AI service. What you write is sent to Tea and kept for 30 days.");
});

test("Arabic counts with two, with few and with many, in its digits", () => {
  speak("ar-EG");
  const { answered } = languages.get("ar");
  const said = [1, 2, 3, 11, 100].map((words) => say(answered, { words }).split("، ")[1]);
  assert.deepEqual(said, ["كلمة واحدة", "كلمتان", "٣ كلمات", "١١ كلمة", "١٠٠ كلمة"]);
});

test("a value is put in as it is, and what has none stays", () => {
  assert.equal(say("{a} {b} {title}", { a: "$& {b}", b: 2 }), "$& {b} 2 {title}");
});

describe("a page's own words", () => {
  const given = (words, more = {}) => {
    const told = [];
    const { warn } = console;
    console.warn = (text) => told.push(text.replace("[ChatbotWidget] words: ", ""));
    try {
      return { ...speech(more.lang ?? "en", { words, debug: true, ...more }), told };
    } finally {
      console.warn = warn;
    }
  };

  test("take the place of the usual ones, those of parts that come later too", () => {
    const { words, told } = given({ send: "Go", failures: { stopped: "Closed." }, menu: "Menu" });
    assert.deepEqual([words.send, words.failures.stopped, words.menu], ["Go", "Closed.", "Menu"]);
    assert.deepEqual([words.failures.offline, words.close, told], [english.failures.offline, english.close, []]);
  });

  test("that are no texts, or empty, change nothing, and a page that debugs is told", () => {
    const { words, told } = given({ ai: " ", send: 7, failures: "x", sources: null, constructor: "x", nothing: "x", answered: "{words, plural, one {#}}" });
    for (const key of ["ai", "send", "failures", "sources", "answered"]) assert.deepEqual(words[key], english[key]);
    assert.deepEqual(told.map((line) => /"?(\w+)/.exec(line.replace("there is no ", ""))[1]), ["ai", "send", "failures", "sources", "constructor", "nothing", "answered"]);
    assert.deepEqual(given({ answer: "Answer" }).told, ['"answer" lacks {n}', '"answer" lacks {name}']);
    for (const wrong of ["x", 1, null]) assert.deepEqual(given(wrong).words, english);
  });

  test("may be in a language that there are none of; then it is the chat's", () => {
    const { lang, dir, words } = given({ send: "Senden" }, { lang: "de-AT" });
    assert.deepEqual([lang, dir, words.send, words.close], ["de-AT", "ltr", "Senden", english.close]);
    assert.equal(given({ send: "שליחה" }, { lang: "he" }).dir, "rtl");
  });

  test("leave a tag that is none to English", () => {
    for (const lang of ["x", "not a tag", "日本語"]) assert.equal(given({}, { lang }).lang, "en");
  });
});
