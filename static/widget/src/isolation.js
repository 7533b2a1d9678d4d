/**
 * What is typed and focused in the chat stays there: a page's hotkeys and focus traps must not see it.
 *
 * Events that are meant for the shadow root are taken at the window, on their way down, before any listener of the page but
 * those at the window itself that are older than ours. What the browser does by itself (typing, moving focus,
 * pressing a button) goes on all the same; what the chat listens to is told to it from here.
 * Source: https://dom.spec.whatwg.org/#concept-event-dispatch
 */
import { listen } from "./dom.js";

const TYPES = /** @type {const} */ ([
  "keydown", "keypress", "keyup", "beforeinput", "input", "paste", "copy", "cut",
  "compositionstart", "compositionupdate", "compositionend", "focusin", "focusout", "focus", "blur",
]);

/**
 * @param {ShadowRoot} root
 * @param {{ [type: string]: (event: any) => void }} listeners the chat's own, by type
 * @returns {() => void} ends it
 */
export function isolate(root, listeners) {
  /** @param {Event} event */
  const take = (event) => {
    const target = event.composedPath()[0];
    if (!(target instanceof Node) || target.getRootNode() !== root) return;
    event.stopImmediatePropagation();
    listeners[event.type]?.(event);
  };
  return listen(window, TYPES, take, true);
}
