/** The shapes of the widget's interface: what a page may ask of it, and what its parts hand to one another. */
import type { Citation, Meta, Receipt } from "./types.js";
import type { ChatbotWidget } from "./widget.js";
import type { MORE_WORDS, WORDS } from "./words.js";

export interface WidgetOptions {
  /** The bot's publishable key, `pk_…`. */
  key?: string;
  /** Where the server is, `https://chat.example`; where the script came from if it is left out. */
  host?: string;
  /** The launcher's colour until the bot's own is known: `#rgb`, `#rrggbb` or a name. */
  accent?: string;
  /** The launcher's name. */
  label?: string;
  position?: "left" | "right" | string;
  /** Pixels from the window's side and its lower edge. */
  offsetX?: number | string;
  offsetY?: number | string;
  /** Over the bot's own; "auto" goes with the visitor's system. */
  theme?: "light" | "dark" | "auto" | string;
  /** The chat stands in this element, always open, without a launcher. */
  container?: string | Element;
  zIndex?: number | string;
  /** The language of the chat's words: `it`, `pt-BR`; by itself the page's, else the browser's. */
  lang?: string;
  /** Other words than the chat's own, see words.js; also those of a language that it doesn't have. */
  words?: PageWords;
  /** Ask the visitor before anything is stored or sent. */
  consent?: boolean;
  /** Open at once. */
  open?: boolean;
  /** Say times on the console. */
  debug?: boolean;
  /** Colour code in answers: loads a file of its own when there is some. */
  highlight?: boolean;
  /** false or "none": no button; the page opens the chat by itself. */
  launcher?: boolean | "none";
  /** How a screen reader is told of answers: when they begin and end ("ends"), or by "sentences". */
  announce?: "ends" | "sentences" | string;
  /** The site's word for who its visitor is, see `identify`. */
  visitorToken?: string;
  [other: string]: unknown;
}

export type Words = typeof WORDS;
/** Those of a language's file. */
export type AllWords = Words & typeof MORE_WORDS;
export type PageWords = Partial<Omit<AllWords, "failures">> & { failures?: Partial<AllWords["failures"]> };

/** What the chat says, and how it is written. */
export interface Speech {
  words: Words;
  /** The words' language, and their direction. */
  lang: string;
  dir: string;
  /** The visitor's, for the server; where it is left out the browser tells its own. */
  locale?: string;
}

/** The closed chat in the page. */
export interface Mounted {
  host: HTMLElement;
  root: ShadowRoot;
  launcher: HTMLButtonElement;
  options: WidgetOptions;
  /** Somebody wants the chat, which is not there yet. */
  pressed?: boolean;
  /** Ends the wait of who has pressed. */
  patience?: number;
  /** To the plain page, where the chat does not come. */
  link?: HTMLAnchorElement;
  /** The chat is there: nobody waits any more. */
  arrived(): void;
  /** Takes all of it out of the page. */
  leave(): void;
}

/** What stands for the widget until it is there. */
export interface Stub {
  (): void;
  [method: string]: (...values: any[]) => void;
}

/** What a page can listen to, and what it is told. */
export interface WidgetEvents {
  open: undefined;
  close: undefined;
  /** A question was asked. */
  question: { text: string };
  /** An answer is complete. */
  answer: { text: string; citations: Citation[]; messageId: string | null; timings: Meta["timings"] };
  /** The visitor has agreed, or refused, or taken it back. */
  consent: { given: boolean };
  /** An answer failed; what came of it is in `partial`. */
  error: { state: string; code: string; message: string; requestId: string | null; partial: string };
  /** An answer came while the chat was closed; so many have. */
  unread: { count: number };
  /** An answer was rated, or its rating taken back (null). */
  feedback: { messageId: string; rating: "up" | "down" | null };
  /** The next question begins another conversation; with a receipt the last one was deleted. */
  conversation: { receipt: Receipt | null };
}

declare global {
  interface Window {
    ChatbotWidget?: typeof ChatbotWidget | Stub;
    ChatAPI?: unknown;
    chatbotConfig?: WidgetOptions;
  }
  interface Navigator {
    connection?: { saveData?: boolean };
  }
  /** Put in by the build: the body's file and its integrity. */
  const BUILT: unknown;
  /** Put in by the build: the file that colours code. */
  const HIGHLIGHT: string;
  /** The digest of what is loaded only where it is wanted, and the languages that there are words of, English first. */
  const EXTRAS: string;
  const LANGUAGES: string;
}
