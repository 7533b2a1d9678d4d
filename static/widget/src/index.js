/** The npm package: the same classes, for pages that build their own scripts. Imports without a window. */
export { ChatAPI } from "./chat_api.js";
export { ChatError } from "./failures.js";
export { ChatbotWidget } from "./widget.js";
