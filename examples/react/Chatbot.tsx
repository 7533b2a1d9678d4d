import { ChatbotWidget } from "chatbot-widget";
import { useEffect } from "react";

type Options = NonNullable<Parameters<typeof ChatbotWidget.init>[0]>;
type Answer = { text: string; messageId: string | null };

interface Props extends Options {
  /** The bot's publishable key; React keeps `key` for itself. */
  botKey: string;
  host: string;
  /** Kept the same between renders (`useCallback`), it is registered once. */
  onAnswer?: (answer: Answer) => void;
}

/** The chat, for as long as this is in the page. It stands beside `<body>`, so nothing is rendered here. */
export function Chatbot({ botKey, onAnswer, ...options }: Props) {
  // By value: an object is another one at every render.
  const wanted = JSON.stringify({ ...options, key: botKey });

  useEffect(() => {
    const chat = ChatbotWidget.init(JSON.parse(wanted));
    return () => chat.destroy();
  }, [wanted]);

  useEffect(() => {
    const chat = ChatbotWidget.current;
    if (!chat || !onAnswer) return;
    chat.on("answer", onAnswer);
    return () => chat.off("answer", onAnswer);
  }, [wanted, onAnswer]);

  return null;
}
