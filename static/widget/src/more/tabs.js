/**
 * The same chat in other tabs: what one of them asks grows in all, and it is asked once. Browsers without BroadcastChannel have
 * each tab to itself.
 *
 * `asked` (also as the answer to `hello`, with what has come so far), `said`, `cited`, `ended`; `stop` and `hello` ask something
 * of the tab that streams; `new` and `forgot` empty the others. Tabs may run different versions: these names stay.
 */
import { Frames } from "../frames.js";
import { speak } from "../words.js";
import { wordsOf } from "./words.js";
import { attend } from "./attention.js";
import { dress } from "./styles.js";

/**
 * @import { Chat, End, Watch } from "../chat.js"
 * @import { Turn } from "../transcript.js"
 * @import { Citation } from "../types.js"
 * @typedef {{ type: "asked", text: string, takesPlace: boolean, said: string, citations: Citation[] }
 *   | { type: "said", text: string } | { type: "cited", citations: Citation[] } | { type: "ended", end: End }
 *   | { type: "hello" | "stop" | "new" | "forgot" }} Told
 */

const LATE_MS = 1000;
/** Turns that are shown here and streamed elsewhere. @type {WeakSet<Turn>} */
const mirrored = new WeakSet();

/** Once for each chat: from now on the others are told what is asked here, and what is under way. @param {Chat} chat */
export function attach(chat) {
  if (chat.watch) return;
  dress(chat.widget.mounted.root);
  // This file's own `say`.
  speak(chat.panel.node.lang);
  attend(chat);
  chat.watch = watching(chat);
  const { last, answering, told, watch } = chat;
  if (!last || !(answering || told)) return;
  watch.asked(last, answering ?? Promise.resolve());
  // It was there before this file.
  if (!answering && told) watch.ended(told);
}

/** Words go once a frame, however fast they come. @param {Chat} chat @returns {Watch} */
function watching(chat) {
  const words = new Frames((text) => chat.tell({ type: "said", text }));
  /** @param {Told} told behind the words before it */
  const tell = (told) => {
    words.flush();
    chat.tell(told);
  };
  return {
    said: (text) => words.write(text),
    cited: (citations) => tell({ type: "cited", citations }),
    ended: (end) => tell({ type: "ended", end }),
    asked: (turn, work) => {
      hold(chat, work);
      tell(asTold(turn));
    },
    greeted: () => chat.answering && chat.last && tell(asTold(chat.last)),
  };
}

/** Whether this tab streams, and is there, is known to the others by a lock. @param {Chat} chat @param {Promise<unknown>} work */
function hold(chat, work) {
  navigator.locks?.request(chat.name, () => work.catch(() => {})).catch(() => {});
}

/** What has come of a turn so far. @param {Turn} turn @returns {Told} */
const asTold = ({ text, before, message }) => ({
  type: "asked", text, takesPlace: Boolean(before), said: message.text, citations: [...message.sources.known.values()],
});

/** @param {Chat} chat @param {Told} told */
export function hear(chat, told) {
  const { last } = chat;
  const isShown = last !== null && mirrored.has(last);
  if (told.type === "hello") return chat.watch?.greeted();
  if (told.type === "stop") return isShown || chat.stop();
  if (told.type === "new") return chat.renew();
  if (told.type === "forgot") return chat.forget();
  if (told.type === "asked") return begun(chat, told);
  if (!isShown) return;
  if (told.type === "said") last.message.write(told.text);
  else if (told.type === "cited") last.message.cite(told.citations);
  else if (told.type === "ended") ended(chat, last, told.end);
}

/** @param {Chat} chat @param {Extract<Told, { type: "asked" }>} told */
function begun(chat, { text, takesPlace, said, citations }) {
  if (chat.panel.composer.isBusy) return;
  const turn = chat.begun(text, takesPlace ? chat.last : null);
  mirrored.add(turn);
  turn.message.cite(citations);
  if (said) turn.message.write(said);
  chat.panel.announce(wordsOf(chat).otherTab);
  // What was told before the lock was free may come after it.
  navigator.locks?.request(chat.name, () => void setTimeout(gone, LATE_MS, chat, turn)).catch(() => {});
}

/** @param {Chat} chat @param {Turn} turn @param {End} end */
function ended(chat, turn, end) {
  mirrored.delete(turn);
  chat.ended(end);
}

/** The other tab was closed meanwhile: the lock is free, and no end was told. @param {Chat} chat @param {Turn} turn */
function gone(chat, turn) {
  if (!mirrored.has(turn) || turn !== chat.last) return;
  const { text: partial } = turn.message;
  const failure = /** @type {const} */ ({
    state: "incomplete", code: "tab_closed", message: "", requestId: null, canRetry: true, canContinue: partial !== "", partial, meta: null,
  });
  ended(chat, turn, { meta: null, reason: null, failure });
}
