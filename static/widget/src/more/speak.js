/**
 * Answers for the ears, a sentence at a time, as they come: selectable, for it is much to hear. Sentences that are complete by
 * now go together, at most once in a while, so that a screen reader is never behind by more than what it can say.
 */
/** @import { Chat } from "../chat.js" */

const EACH_MS = 1000;
const END = /[.!?…。！？؟](?=[\s"'”’)\]]|$)|\n|[。！？]/g;

/** @param {Chat} chat @param {boolean} isWanted */
export function speak(chat, isWanted) {
  clearInterval(chat.speaks);
  chat.speaks = undefined;
  if (!isWanted) return;
  /** @type {Node | undefined} */
  let of;
  let said = 0;
  chat.speaks = setInterval(() => {
    const { message } = chat.last ?? {};
    if (!message || !chat.panel.composer.isBusy) return;
    if (of !== message.content) said = 0;
    of = message.content;
    const text = textOf(message.content).slice(said);
    const end = [...text.matchAll(END)].pop();
    if (!end) return;
    const through = end.index + end[0].length;
    said += through;
    chat.panel.announce(text.slice(0, through).trim());
  }, EACH_MS);
}

/** @param {HTMLElement} content */
const textOf = (content) => content.innerText;
