import { useCallback, useState } from "react";

import { Chatbot } from "./Chatbot";

export function App({ host, botKey }: { host: string; botKey: string }) {
  const [isShown, setShown] = useState(true);
  const [answers, setAnswers] = useState(0);
  const count = useCallback(() => setAnswers((n) => n + 1), []);
  return (
    <main>
      <h1>A shop</h1>
      <label>
        <input type="checkbox" checked={isShown} onChange={(event) => setShown(event.target.checked)} /> Chat
      </label>
      <p id="answers">{answers} answers</p>
      {isShown && <Chatbot host={host} botKey={botKey} position="left" onAnswer={count} />}
    </main>
  );
}
