/** What a screen reader says at an answer's end. */
import { say } from "../words.js";
import { wordsOf } from "./words.js";

/** @import { Chat } from "../chat.js"
 * @import { Turn } from "../transcript.js" */

/** @param {Chat} chat @param {Turn} turn */
export function summarise(chat, { message: { content, sources } }) {
  const { answered, answeredSources } = wordsOf(chat);
  const words = countWords(content.textContent ?? "") - content.querySelectorAll(".cite").length;
  chat.panel.announce(say(sources.known.size ? answeredSources : answered, { words, sources: sources.known.size }));
}

/**
 * Words, for a script that puts no space between them its characters. (`Intl.Segmenter` would load dictionaries: its first use takes a
 * page's thread 30 ms.)
 */
const WORD = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]|[\p{L}\p{N}][\p{L}\p{M}\p{N}'’]*/gu;

/** @param {string} text */
export const countWords = (text) => text.match(WORD)?.length ?? 0;
