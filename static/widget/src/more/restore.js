/**
 * What was said on earlier pages, from the server. The newest turns are shown at once, earlier ones when they are wanted: 500
 * messages cost a page as little as ten.
 */
import { button, drop, element } from "../dom.js";
import { wordsOf } from "./words.js";
import { conversation } from "../visits.js";
import { offer } from "./offer.js";

/** @import { Chat } from "../chat.js"
 * @import { Conversation, ConversationMessage } from "../types.js"
 * @import { Turn } from "../transcript.js" */

const AT_ONCE = 10;

/** @typedef {{ question: ConversationMessage, answer: ConversationMessage }} Pair */

/** @param {Chat} chat */
export async function restore(chat) {
  const { past } = chat.panel.transcript;
  const { restoring, notRestored } = wordsOf(chat);
  const { conversation: known = "", session: sessionId } = chat.memory.ids;
  const wait = chat.notice({ text: restoring, contact: "" });
  chat.under(past, wait);
  chat.tell({ type: "hello" });
  try {
    const found = await conversation(chat.server, known, { sessionId });
    if (wait.isConnected) show(chat, pairs(found));
  } catch (error) {
    if (!wait.isConnected) return;
    if (/** @type {any} */ (error)?.code === "not_found") chat.memory.leaveConversation();
    else chat.under(past, chat.notice({ text: notRestored, contact: "", actions: [[chat.words.again, () => again(chat)]] }));
  } finally {
    drop(wait);
  }
}

/** @param {Chat} chat */
function again(chat) {
  chat.panel.transcript.past.replaceChildren();
  restore(chat);
}

/** @param {Conversation} conversation */
function pairs({ messages = [] }) {
  /** @type {Pair[]} */
  const found = [];
  messages.forEach((question, at) => {
    const answer = messages[at + 1];
    if (question.role === "user" && answer?.role === "assistant") found.push({ question, answer });
  });
  return found;
}

/** @param {Chat} chat @param {Pair[]} all */
function show(chat, all) {
  const { transcript, composer } = chat.panel;
  // One that another tab streams is shown from there.
  if (composer.isBusy && all.at(-1)?.answer.state === "running") all.pop();
  transcript.count += all.length;
  let first = all.length;
  const more = () => {
    const until = first;
    first = Math.max(0, until - AT_ONCE);
    const made = all.slice(first, until).flatMap((pair, n) => nodesOf(chat, pair, first + n + 1, first + n + 1 === all.length));
    transcript.keepingView(() => {
      drop(earlier, transcript.node);
      transcript.past.prepend(...(first ? [earlier] : []), element("div", { class: "group" }, ...made));
    });
  };
  const earlier = button(wordsOf(chat).earlier, more, "button earlier");
  if (all.length) more();
}

/** @param {Chat} chat @param {Pair} pair @param {number} n @param {boolean} isNewest */
function nodesOf(chat, { question, answer }, n, isNewest) {
  const { transcript } = chat.panel;
  const node = transcript.question(question.content, n);
  const message = transcript.answer(n);
  message.cite(answer.sources ?? []);
  message.write(answer.content);
  message.finish();
  /** @type {Turn} */
  const turn = { text: question.content, question: node, message, id: answer.id };
  if (isNewest && !chat.last) chat.last = turn;
  if (answer.content) offer(chat, turn, answer.rating);
  tellState(chat, turn, answer.state);
  return [node, message.node];
}

/** @param {Chat} chat @param {Turn} turn @param {ConversationMessage["state"]} state */
function tellState(chat, turn, state) {
  if (state === "whole") return;
  const { failures, again } = chat.words;
  const text = state === "stopped" ? failures.stopped_by_visitor : failures.incomplete;
  const isNewest = turn === chat.last;
  const retry = /** @type {[string, () => void]} */ ([again, () => chat.ask(turn.text, turn)]);
  turn.message.node.append(chat.notice({ text, contact: "", actions: isNewest ? [turn.message.text ? chat.goOn() : retry] : [] }));
}
