/** The npm package: the same classes, for pages that build their own scripts. Imports without a window. */
import { Consent } from "./extras/consent.js";
import { spoken } from "./language.js";
import { mount } from "./launcher.js";
import * as english from "./locales/en.js";
import { ChatbotWidget } from "./widget.js";

export { ChatAPI } from "./chat_api.js";
export { ChatError } from "./failures.js";
export { ChatbotWidget };
/** For `init({ lang: "it", words: italian })`: a bundler leaves out those that are not used. */
export { default as arabic } from "./locales/ar.js";
export { default as italian } from "./locales/it.js";
export { default as japanese } from "./locales/ja.js";

ChatbotWidget.mount = mount;
ChatbotWidget.Consent = Consent;
spoken.en = english;
