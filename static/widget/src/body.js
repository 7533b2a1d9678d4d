/** What the loader imports: the chat goes into the launcher's place, and what was called meanwhile is called now. */
import { ChatAPI } from "./chat_api.js";
import { ChatbotWidget, publish } from "./widget.js";

/** @import { Mounted, WidgetOptions } from "./ui.js" */

export { ChatAPI, ChatbotWidget };

/**
 * @param {Mounted} mounted the loader's
 * @param {Array<[string, IArguments]>} calls made before, in their order
 * @param {(options: WidgetOptions) => Mounted} mount for another chat after this one
 */
export function start(mounted, calls, mount) {
  ChatbotWidget.mount = mount;
  ChatbotWidget.current = new ChatbotWidget(mounted);
  publish();
  const { pressed, options } = mounted;
  if (pressed || options.open) ChatbotWidget.current.open({ focus: Boolean(pressed) });
  for (const [name, values] of calls) /** @type {any} */ (ChatbotWidget)[name](...values);
  document.dispatchEvent(new CustomEvent("chatbot:ready"));
}
