/** The shapes that go in and come out of the widget's transport. Those of the classes are made from their own files. */
import type { ChatError } from "./failures.js";

export interface StreamEvent {
  data: string;
  event: string;
  lastEventId: string;
}

export interface Message {
  role: string;
  content: string | object[] | null;
  [field: string]: unknown;
}

export interface Citation {
  id: string;
  n: number;
  title: string;
  url: string;
  place: string;
  text: string;
}

export interface ToolCall {
  id?: string;
  type?: string;
  function: { name: string; arguments: string };
}

/** What the server issued or measured beside the answer; null where it did not. */
export interface Meta {
  sessionId: string | null;
  conversationId: string | null;
  messageId: string | null;
  requestId: string | null;
  /** Since `sendMessage` was called, what was tried in vain included. */
  timings: { firstByteMs: number | null; completeMs: number };
}

/** OpenAI's final response, for a stream too; `citations` and `meta` are this server's. */
export interface Completion {
  id: string;
  object: "chat.completion";
  created: number;
  model: string;
  choices: Choice[];
  usage?: Usage;
  citations?: Citation[];
  meta: Meta;
  [field: string]: unknown;
}

export interface Choice {
  index: number;
  message: { role: "assistant"; content: string | null; tool_calls?: ToolCall[] };
  /** "length": it may be gone on with. "content_filter": the provider cut it. */
  finish_reason: string | null;
}

export interface Usage {
  prompt_tokens?: number;
  completion_tokens?: number;
  total_tokens?: number;
  [field: string]: unknown;
}

/**
 * What is going on: sent, first words there, waiting to ask again, or asked again without streaming. `now()` ends
 * the wait at once. How it ends is the promise's to say.
 */
export type Progress =
  | { state: "sending" }
  | { state: "answering" }
  | { state: "retrying"; attempt: number; inMs: number; error: ChatError; now(): void }
  | { state: "falling_back"; error: ChatError };

/** How a question failed. */
export type FailureState =
  | "refused"
  | "rate_limited"
  | "over_budget"
  | "stopped"
  | "offline"
  | "unavailable"
  | "timeout"
  | "incomplete"
  | "stopped_by_visitor";

export interface Listeners {
  onChunk?(delta: string, accumulated: string): void;
  onState?(progress: Progress): void;
  onCitations?(citations: Citation[]): void;
  signal?: AbortSignal;
}

/** Who asks: ids that the server issued. */
export interface Ids {
  sessionId?: string | null;
  conversationId?: string | null;
}

export interface SendOptions extends Listeners, Ids {
  /** With a publishable key the bot's own; see `maxTokens`. */
  model?: string;
  temperature?: number;
  /** With a publishable key it lowers what the bot allows. */
  maxTokens?: number;
  stream?: boolean;
  /** With a publishable key: the `meta.messageId` of an answer that this one takes the place of, with what followed it. */
  replaces?: string | null;
}

export interface RetryOptions {
  retries?: number;
  signal?: AbortSignal;
  onState?(progress: Progress): void;
}

export interface Timers {
  setTimeout(work: () => void, ms: number): unknown;
  clearTimeout(id: unknown): void;
  /** Milliseconds since 1970. */
  now(): number;
}

export interface ConnectionOptions {
  /** Where the server is; empty: where the page is from. */
  baseUrl?: string;
  /** The publishable key. */
  key: string;
  /** It has to heed `signal`. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** A request ends when nothing has come for so long. */
  idleSeconds?: number;
  /** The visitor's language, for `Accept-Language`. */
  locale?: string;
  /** The site's word for who its visitor is, or what gives it: it is good for an hour at the most. */
  visitorToken?: string | (() => string | Promise<string>);
  timers?: Timers;
}

export interface ChatOptions extends ConnectionOptions {
  /** How often a question is asked again at the most. */
  retries?: number;
  /** Say times on the console; never what was said, never the key. */
  debug?: boolean;
}

export interface WidgetConfig {
  object: "widget.config";
  bot: string;
  name: string;
  greeting: string;
  suggestions: string[];
  theme: Record<string, string>;
  languages: string[];
  contact: string;
  privacy_url: string;
  identify: "off" | "optional" | "required";
  question_chars: number;
  retention_days: number;
  mock: boolean;
  /** Whether the server wants to know how soon its visitors see the first words. */
  perceived: boolean;
  stopped: string;
}

export interface Conversation {
  id: string;
  object: "conversation";
  title: string;
  bot: string;
  created_at: number;
  updated_at: number;
  expires_at: number;
  messages: ConversationMessage[];
}

export interface ConversationMessage {
  id: string;
  object: "conversation.message";
  role: "user" | "assistant";
  content: string;
  state: "whole" | "running" | "stopped" | "incomplete" | "failed";
  created_at: number;
  /** This and what follows: answers only. */
  model?: string;
  code?: string | null;
  sources?: Citation[];
  rating?: "up" | "down" | null;
  request_id?: string;
}

export interface Receipt {
  id: string;
  object: "conversation.deleted";
  deleted: true;
  removed: { conversations: number; messages: number; feedback: number };
  remaining: number;
}

export interface Feedback {
  object: "feedback";
  message_id: string;
  rating: "up" | "down" | null;
}
