/**
 * What the widget says, in English; each other language is a file of its own in locales/, loaded where it is spoken.
 *
 * Texts have the form that translators know from ICU MessageFormat, of which this much is read: `{name}` for a value, and
 * `{days, plural, one {# day} other {# days}}` for one that is counted, with the categories of the language.
 * Source: https://unicode-org.github.io/icu/userguide/format_parse/messages/
 */
export const WORDS = {
  open: "Open chat",
  close: "Close chat",
  title: "Chat",
  greeting: "Greeting",
  transcript: "Conversation",
  input: "Your question",
  placeholder: "Ask a question",
  send: "Send",
  stop: "Stop the answer",
  question: "Question {n}",
  answer: "Answer {n} from {name}",
  ai: "{name} is an AI and can be wrong.",
  mock: "No provider is set: a mock answers.",
  privacy: "Privacy",
  answering: "Answering",
  source: "Source {n}: {title}",
  noSource: "Source {n} was not given",
  copy: "Copy",
  copied: "Copied",
  menu: "More",
  copyId: "Copy request id",
  image: "Show image",
  taskDone: "Done",
  taskOpen: "To do",
  tooLong: "{over, plural, one {# character} other {# characters}} too many",
  retrying: "Not reached. Asking again in {seconds} s.",
  waiting: "Too many questions at once. Asking again in {seconds} s.",
  notHere: "The chat can't be shown on this page.",
  now: "Now",
  cancel: "Cancel",
  again: "Try again",
  continue: "Continue",
  continueText: "Please go on where you stopped.",
  requestId: "Request {id}",
  failures: {
    incomplete: "The answer broke off. What is here is not all of it.",
    length: "The answer reached its greatest length.",
    content_filter: "The answer was ended by the provider's content filter.",
    stopped_by_visitor: "Stopped.",
    refused: "This question was not accepted.",
    rate_limited: "Too many questions at once. Wait a moment.",
    over_budget: "This chat has answered all it may for now.",
    stopped: "This chat is switched off for now.",
    offline: "The chat can't be reached. Is your connection working?",
    unavailable: "The chat has a fault at the moment.",
    timeout: "No answer came in time.",
  },
};

/** Those of parts that are loaded apart. The files of other languages hold both, so there `{...MORE_WORDS, ...words}` has all. */
export const MORE_WORDS = {
  sources: "Sources",
  openSource: "Open",
  helpful: "Helpful",
  notHelpful: "Not helpful",
  thanks: "Thank you.",
  notRated: "The rating did not arrive.",
  answered: "Answered, {words, plural, one {# word} other {# words}}",
  answeredSources: "Answered, {words, plural, one {# word} other {# words}}, {sources, plural, one {# source} other {# sources}}",
  newConversation: "New conversation",
  forget: "Forget this conversation",
  forgetSure: "Delete this conversation here and on the server?",
  forgetYes: "Delete",
  forgotten: "Deleted: {conversations, plural, one {# conversation} other {# conversations}} and {messages, plural, one {# message} other {# messages}}.",
  keep: "Keep",
  forgetFailed: "It could not be deleted.",
  regenerate: "Answer again",
  edit: "Edit",
  editing: "Edit your question",
  copyAnswer: "Copy answer",
  why: "What was wrong? (optional)",
  whyGood: "What was good? (optional)",
  sendWord: "Send",
  toNewest: "To the newest answer",
  unread: "{n, plural, one {# new answer} other {# new answers}}",
  offlineBanner: "You are offline. The chat goes on when you are back.",
  back: "You are online again.",
  earlier: "Earlier messages",
  restoring: "Getting the conversation",
  notRestored: "Earlier messages could not be shown.",
  otherTab: "Answering in another tab",
  speakSentences: "Read answers aloud sentence by sentence",
  followUps: "You could ask",
  consentText: "This chat is an AI service. What you write is sent to {name} and kept for {days, plural, one {# day} other {# days}}.",
  consentYes: "Agree and start",
  consentNo: "No, thanks",
};

/** Whose numbers and plurals are said: there is one chat on a page. */
let language = "en";

/** @param {string} tag */
export function speak(tag) {
  language = tag;
}

/**
 * A text with its values put in.
 * @param {string} text @param {Record<string, string | number>} values
 */
export function say(text, values = {}) {
  return text.replace(/\{(\w+)(, plural.*?\})?\}/g, (whole, name, forms) => {
    if (!(name in values)) return whole;
    const shown = /** @type {number} */ (values[name]).toLocaleString(language);
    return forms ? formFor(Number(values[name]), forms).replace("#", shown) : shown;
  });
}

/** The form of a count's category, or that of all others, which stands last. @param {number} count @param {string} forms @returns {string} */
const formFor = (count, forms) => /** @type {string[]} */ (forms.match(`(${new Intl.PluralRules(language).select(count)}|other) {(.*?)}`))[2];
