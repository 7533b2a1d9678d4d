/** The chat is opened by who was here before, or wants it otherwise. */
import { restore } from "./restore.js";
import { speak } from "./speak.js";

/** @import { Chat } from "../chat.js" */

/** @param {Chat} chat */
export function resume(chat) {
  const { conversation, speaks } = chat.memory.ids;
  if (conversation) restore(chat);
  if (speaks ?? chat.options.announce === "sentences") speak(chat, true);
}
