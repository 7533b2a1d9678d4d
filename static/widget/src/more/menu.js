/** What can be done with the conversation as a whole. */
import { button, drop, element } from "../dom.js";
import { say } from "../words.js";
import { wordsOf } from "./words.js";
import { forget } from "../visits.js";
import { speak } from "./speak.js";

/** @import { Chat } from "../chat.js"
 * @import { Receipt } from "../types.js" */

/** @param {Chat} chat */
export function openMenu(chat) {
  const { panel } = chat;
  if (panel.popup) return panel.popup();
  const { newConversation, forget: forgetIt, speakSentences } = wordsOf(chat);
  /** @param {() => void} work */
  const and = (work) => () => {
    close();
    work();
  };
  const first = button(newConversation, and(() => begin(chat)));
  const sentences = button(speakSentences, and(() => setSpeaks(chat, !isOn)));
  const isOn = Boolean(chat.speaks);
  sentences.setAttribute("aria-pressed", String(isOn));
  const menu = element("div", { class: "menu" }, first, button(forgetIt, and(() => ask(chat))), sentences);
  const close = () => {
    panel.popup = null;
    panel.menu.setAttribute("aria-expanded", "false");
    drop(menu, panel.menu);
  };
  panel.popup = close;
  panel.menu.setAttribute("aria-expanded", "true");
  panel.menu.after(menu);
  first.focus();
}

/** @param {Chat} chat */
function begin(chat) {
  renew(chat);
  chat.panel.composer.input.focus();
}

/** What a visitor chose holds on the next page too. @param {Chat} chat @param {boolean} speaks */
function setSpeaks(chat, speaks) {
  chat.memory.keep({ speaks });
  speak(chat, speaks);
}

/**
 * Another conversation of the same visitor, here and in the other tabs.
 * @param {Chat} chat @param {Receipt | null} [receipt] where the last one was deleted
 */
export function renew(chat, receipt = null) {
  chat.tell({ type: "new" });
  chat.renew();
  chat.widget.emit("conversation", { receipt });
}

/** Deletes the conversation on the server; what was deleted, or null where there was none. @param {Chat} chat */
export async function forgetConversation(chat) {
  const { conversation, session: sessionId } = chat.memory.ids;
  const receipt = conversation ? await forget(chat.server, conversation, { sessionId }) : null;
  renew(chat, receipt);
  return receipt;
}

/** Deleting is asked for twice. @param {Chat} chat */
function ask(chat) {
  const { forgetSure, forgetYes, keep } = wordsOf(chat);
  const { panel } = chat;
  const end = () => {
    panel.popup = null;
    drop(asked, panel.menu);
  };
  const sure = async () => {
    end();
    await forgetAndTell(chat);
  };
  const asked = chat.notice({ text: forgetSure, contact: "", actions: [[forgetYes, sure], [keep, end]] });
  asked.setAttribute("role", "group");
  asked.classList.add("sure");
  panel.composer.node.before(asked);
  panel.popup = end;
  asked.querySelector("button")?.focus();
}

/** @param {Chat} chat */
async function forgetAndTell(chat) {
  const { panel } = chat;
  const { forgotten, forgetFailed } = wordsOf(chat);
  try {
    const receipt = await forgetConversation(chat);
    const { conversations = 0, messages = 0 } = receipt?.removed ?? {};
    tell(chat, say(forgotten, { conversations, messages }));
    panel.composer.input.focus();
  } catch {
    tell(chat, forgetFailed);
  }
}

/** @param {Chat} chat @param {string} text */
function tell(chat, text) {
  chat.under(chat.panel.transcript.past, chat.notice({ text, contact: "" }));
  chat.panel.announce(text);
}
