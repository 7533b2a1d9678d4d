/** The last question, asked otherwise. */
import { button, drop, element, ACT } from "../dom.js";
import { wordsOf } from "./words.js";

/** @import { Chat } from "../chat.js"
 * @import { Turn } from "../transcript.js" */

/** @param {Chat} chat @param {Turn} turn the newest */
export function edit(chat, turn) {
  const { panel } = chat;
  const { composer } = panel;
  if (composer.isBusy || panel.popup) return;
  const { ask } = composer;
  const draft = composer.input.value;
  const end = () => {
    composer.ask = ask;
    composer.input.value = draft;
    panel.popup = null;
    drop(note, composer.input);
  };
  const note = element("div", { class: `editing ${ACT}` }, wordsOf(chat).editing, button(chat.words.cancel, end));
  composer.node.prepend(note);
  composer.input.value = turn.text;
  composer.input.focus();
  panel.popup = end;
  composer.ask = (text) => {
    end();
    // Another tab may have gone on meanwhile.
    chat.ask(text, turn === chat.last ? turn : null);
  };
}
