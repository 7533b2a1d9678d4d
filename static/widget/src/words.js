/** What the widget says, in English. `{name}` stands for a value. */
export const WORDS = {
  open: "Open chat",
  close: "Close chat",
  title: "Chat with {name}",
  transcript: "Conversation",
  input: "Your question",
  placeholder: "Ask a question",
  send: "Send",
  stop: "Stop the answer",
  you: "You",
  question: "Question {n}",
  answer: "Answer {n} from {name}",
  ai: "{name} is an AI and can be wrong.",
  mock: "No provider is set: a mock answers.",
  privacy: "Privacy",
  answering: "Answering",
  answered: "Answered, {words} words",
  answeredSources: "Answered, {words} words, {sources} sources",
  sources: "Sources",
  source: "Source {n}: {title}",
  noSource: "Source {n} was not given",
  openSource: "Open",
  helpful: "Helpful",
  notHelpful: "Not helpful",
  thanks: "Thank you.",
  notRated: "The rating did not arrive.",
  copy: "Copy",
  copied: "Copied",
  copyId: "Copy request id",
  image: "Show image",
  tooLong: "{over} characters too many",
  retrying: "Not reached. Asking again in {seconds} s.",
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
    session_ended: "This conversation has ended. Ask again to begin a new one.",
  },
};

/**
 * A text with its values put in.
 * @param {string} text @param {Record<string, string | number>} values
 */
export function say(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
