/** What can be done with an answer, and what could be asked next. */
import { ACT, button, element, iconButton } from "../dom.js";
import { ICONS } from "./icons.js";
import { feedback } from "../visits.js";
import { copied, markdownOf } from "./clipboard.js";
import { colourCode } from "./colour.js";
import { wordsOf } from "./words.js";
import { askWhy } from "./comment.js";
import { edit } from "./edit.js";
import { thumbs } from "./rating.js";

/** @import { Chat } from "../chat.js"
 * @import { Rating } from "./rating.js"
 * @import { Turn } from "../transcript.js" */

const MOST_FOLLOW_UPS = 3;

/**
 * Asking again, or otherwise, as long as it is the newest.
 * @param {Chat} chat @param {Turn} turn @param {Rating} [rating] that it had
 */
export function offer(chat, turn, rating) {
  const { copyAnswer, regenerate, edit: editIt } = wordsOf(chat);
  const { message, id, text } = turn;
  const isNewest = turn === chat.last;
  const copy = iconButton(copyAnswer, ICONS.copy, async () => {
    if (await copied(markdownOf(message))) message.said.textContent = chat.words.copied;
  });
  const again = isNewest ? [iconButton(regenerate, ICONS.again, () => chat.ask(text, turn), ACT)] : [];
  const rate = id ? thumbs(message, (given) => keep(chat, turn, given), wordsOf(chat), rating) : [];
  message.offer(copy, ...again, ...rate);
  if (chat.options.highlight) colourCode(message.content, chat.options.host || "").catch(() => {});
  if (!isNewest) return;
  const change = iconButton(editIt, ICONS.edit, () => edit(chat, turn));
  turn.question.append(element("div", { class: `actions ${ACT}` }, change));
}

/** @param {Chat} chat @param {Turn} turn @param {Rating} rating */
async function keep(chat, { id, message }, rating) {
  const messageId = id ?? "";
  const { session: sessionId } = chat.memory.ids;
  /** @param {string} [comment] */
  const send = (comment) => feedback(chat.server, { messageId, rating, comment }, { sessionId });
  await send();
  chat.widget.emit("feedback", { messageId, rating });
  askWhy(message, rating, send, wordsOf(chat));
}

/** Of the owner's questions those that were not asked yet. @param {Chat} chat */
export function followUps(chat) {
  const { panel, config, last } = chat;
  if (!last) return;
  const asked = [...panel.transcript.node.querySelectorAll(".user .message-content")].map((node) => node.textContent);
  const left = (config?.suggestions ?? []).filter((text) => !asked.includes(text)).slice(0, MOST_FOLLOW_UPS);
  if (!left.length) return;
  const buttons = left.map((text) => button(text, () => chat.ask(text)));
  chat.under(last.message.node, element("div", { class: `suggestions ${ACT}`, role: "group", "aria-label": wordsOf(chat).followUps }, ...buttons));
}
