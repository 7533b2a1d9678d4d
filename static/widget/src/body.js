/** What the loader imports: the chat goes into the launcher's place, and what was called meanwhile is called now. */
// What is alike, side by side in the file: it is 400 bytes smaller when it is compressed.
import "./markdown/index.js";
import "./sse.js";
import "./transcript.js";
import "./panel.js";
import "./isolation.js";
import { ChatAPI } from "./chat_api.js";
import { fault } from "./dom.js";
import { extra } from "./extra.js";
import { fetchWords } from "./language.js";
import { SMALL_WINDOW } from "./small_window.js";
import { ChatbotWidget, publish } from "./widget.js";

/** @import { Mounted, WidgetOptions } from "./ui.js" */

export { ChatAPI, ChatbotWidget };

/**
 * @param {Mounted} mounted the loader's
 * @param {Array<[string, IArguments]>} calls made before, in their order
 * @param {(options: WidgetOptions) => Mounted} mount for another chat after this one
 */
export async function start(mounted, calls, mount) {
  const { options } = mounted;
  // A chat that should ask for consent and can't is none. What is called meanwhile is in `calls` too.
  const [asking] = await Promise.all([
    options.consent && extra(options, "consent"),
    fetchWords(options),
    matchMedia(SMALL_WINDOW).matches && !options.container && extra(options, "window").catch(() => {}),
  ]);
  if (asking) ChatbotWidget.Consent = asking.Consent;
  if (!mounted.host.isConnected) return;
  const { pressed } = mounted;
  mounted.arrived();
  ChatbotWidget.mount = mount;
  ChatbotWidget.current = new ChatbotWidget(mounted);
  publish();
  // Who went on to write elsewhere while it loaded is left there.
  const { activeElement: active } = document;
  const isWaitedFor = active === mounted.host || active === document.body || active === null;
  if (pressed || options.open) ChatbotWidget.current.open({ focus: Boolean(pressed) && isWaitedFor });
  for (const call of calls) made(call);
  document.dispatchEvent(new CustomEvent("chatbot:ready"));
}

/** One wrong call must not keep the others from being made. @param {[string, IArguments]} call */
function made([name, values]) {
  try {
    /** @type {any} */ (ChatbotWidget)[name](...values);
  } catch (error) {
    fault(error);
  }
}
