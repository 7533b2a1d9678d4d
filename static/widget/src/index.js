/** The npm package: the same classes, for pages that build their own scripts. Imports without a window. */
import { mount } from "./launcher.js";
import { ChatbotWidget } from "./widget.js";

export { ChatAPI } from "./chat_api.js";
export { ChatError } from "./failures.js";
export { ChatbotWidget };

ChatbotWidget.mount = mount;
