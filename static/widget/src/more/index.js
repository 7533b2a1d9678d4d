/**
 * What is done with answers and conversations, and not needed for a first answer: a file of its own, loaded when a first question is
 * on its way, or somebody comes back to a conversation. It acts on the chat that it is handed. Where it does not come the chat
 * answers all the same.
 */
export { arrived, goToNewest } from "./attention.js";
export { copied } from "./clipboard.js";
export { colourCode } from "./colour.js";
export { forgetConversation, openMenu, renew } from "./menu.js";
export { followUps, offer } from "./offer.js";
export { listPassages, showPassage } from "./passages.js";
export { resume } from "./resume.js";
export { summarise } from "./summary.js";
export { attach, hear } from "./tabs.js";
