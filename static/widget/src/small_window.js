/** Which windows the chat fills: see extras/window.js. */
export const SMALL_WINDOW = "(max-width:480px),(max-height:480px)";
