/** English, for pages that put words of their own over it, or over a language that there is no file for. */
import { speechIn } from "../speech.js";
import { MORE_WORDS, WORDS } from "../words.js";

/** @type {import("../ui.js").AllWords} */
const words = { ...WORDS, ...MORE_WORDS };

export default words;
export const speech = speechIn("en", words);
