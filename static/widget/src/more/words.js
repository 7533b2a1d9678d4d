/** What is said by this part, in the chat's language: the files of other languages have these words too. */
import { MORE_WORDS } from "../words.js";

/** @import { Words } from "../ui.js" */

/** @param {{ words: Words }} chat @returns {typeof MORE_WORDS & Words} */
export const wordsOf = ({ words }) => ({ ...MORE_WORDS, ...words });
