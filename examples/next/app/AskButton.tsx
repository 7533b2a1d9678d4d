"use client";

declare global {
  interface Window {
    /** There as soon as the tag has run; calls that come before the chat are made when it is there. */
    ChatbotWidget?: { send(text: string): void };
  }
}

/** Asks the chat a question, in sight of the visitor. */
export function AskButton({ question }: { question: string }) {
  return (
    <button type="button" onClick={() => window.ChatbotWidget?.send(question)}>
      {question}
    </button>
  );
}
