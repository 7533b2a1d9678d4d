/** What shows that something has come: the button's badge, the way to the newest answer; and that nothing can: offline. */
import { element, iconButton } from "../dom.js";
import { ICONS } from "./icons.js";
import { say } from "../words.js";
import { wordsOf } from "./words.js";

/** @import { Chat } from "../chat.js" */

const NEAR = 8;
/** Answers that were not seen. @type {WeakMap<Chat, number>} */
const unread = new WeakMap();

/** Once for each chat. @param {Chat} chat */
export function attend(chat) {
  unread.set(chat, 0);
  chat.widget.on("open", () => setUnread(chat, 0));
  watchNetwork(chat);
  watchEnd(chat);
  const { node } = chat.panel.transcript;
  node.addEventListener("click", keepFocus);
  node.setAttribute("aria-keyshortcuts", "Alt+End");
}

/** An answer is complete: who does not see it is told by the button. @param {Chat} chat */
export function arrived(chat) {
  const { widget } = chat;
  if (widget.isOpen) return;
  const count = (unread.get(chat) ?? 0) + 1;
  setUnread(chat, count);
  widget.emit("unread", { count });
}

/** @param {Chat} chat @param {number} count */
function setUnread(chat, count) {
  const { launcher, options } = chat.widget.mounted;
  unread.set(chat, count);
  launcher.querySelector(".badge")?.remove();
  if (count) launcher.append(element("span", { class: "badge" }, String(count)));
  const label = options.label || chat.words.open;
  launcher.setAttribute("aria-label", count ? `${label}, ${say(wordsOf(chat).unread, { n: count })}` : label);
}

/** @param {Chat} chat */
function watchNetwork(chat) {
  const { panel, life } = chat;
  const { offlineBanner, back } = wordsOf(chat);
  const banner = element("div", { class: "banner" });
  const show = () => (banner.textContent = navigator.onLine ? "" : offlineBanner);
  panel.composer.node.before(banner);
  for (const type of ["online", "offline"]) {
    addEventListener(type, () => panel.announce(show() || back), { signal: life.signal });
  }
  show();
}

/** A button, as long as the end is out of sight. @param {Chat} chat */
function watchEnd(chat) {
  const { transcript } = chat.panel;
  const toEnd = iconButton(wordsOf(chat).toNewest, ICONS.end, () => goToNewest(chat), "to-end");
  transcript.node.after(toEnd);
  const options = { root: transcript.node, rootMargin: `${NEAR}px` };
  new IntersectionObserver((all) => (toEnd.hidden = Boolean(all.pop()?.isIntersecting)), options).observe(transcript.end);
}

/** The newest answer, for the eyes and for the keyboard. @param {Chat} chat */
export function goToNewest({ panel }) {
  const { transcript } = panel;
  const newest = [...transcript.node.querySelectorAll(".bot")].pop();
  transcript.followEnd();
  /** @type {HTMLElement | undefined} */ (newest)?.focus({ preventScroll: true });
}

/** A button that makes way for its image leaves the focus to its message. @param {Event} event */
function keepFocus(event) {
  const [pressed, ...around] = event.composedPath();
  const root = around.find((node) => node instanceof ShadowRoot);
  const message = around.find((node) => node instanceof HTMLElement && node.localName === "article");
  if (!(pressed instanceof Element) || pressed.isConnected || root?.activeElement) return;
  /** @type {HTMLElement | undefined} */ (message)?.focus({ preventScroll: true });
}
