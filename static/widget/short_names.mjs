/**
 * Names of properties that only the widget's own files use, and that the build makes short in all of them: a quarter of a KiB of what a
 * visitor loads. No name of a browser's, of the API or of what a page may call stands here, none that is stored, sent to another tab or read
 * from JSON; a test looks.
 */
const NAMES = `composer isMissing hasContent indent isStreamed opening notice finishReason opens popup ids grew isOver
leaveConversation under nodes ask tell emphasis lineEnd filled column skip references introduce setBusy isBusy withMore more token
server depth blank past rest typed dom serial kept keepingView isWhole settled touch definition within reference
followEnd toHeading closes ref answerOf goOn citation mount begun decline onByte life retire most told behead make plain greet
guess feed task met begin emit mounted`.split(/\s+/);

/** What each is called in what is shipped: `A` … `Z`, `A0` … `Z9`: no browser has a property of such a name. @type {Record<string, string>} */
export const SHORT_NAMES = Object.fromEntries(NAMES.map((name, n) => [name, String.fromCharCode(65 + (n % 26)) + (n < 26 ? "" : Math.floor(n / 26) - 1)]));
