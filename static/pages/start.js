/**
 * The start page's trial: one question, streamed, with the time to its first words.
 * The key comes in the address's fragment, which a browser never sends to a server, and is kept in
 * the form alone.
 */
const form = /** @type {HTMLFormElement} */ (document.getElementById("ask"));
const key = /** @type {HTMLInputElement} */ (document.getElementById("key"));
const question = /** @type {HTMLInputElement} */ (document.getElementById("question"));
const answer = /** @type {HTMLElement} */ (document.getElementById("answer"));
const timing = /** @type {HTMLElement} */ (document.getElementById("timing"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));

key.value = new URLSearchParams(location.hash.slice(1)).get("key") || "";
history.replaceState(null, "", location.pathname);

/** @param {ReadableStream<Uint8Array<ArrayBuffer>>} body */
async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const found = (rest + value).split(/\r\n|\n|\r/);
    rest = found.pop() || "";
    yield* found;
  }
}

async function ask() {
  const begin = performance.now();
  /** @param {string} what */
  const say = (what) => {
    timing.append(`${what} after ${((performance.now() - begin) / 1000).toFixed(2)} s.`);
  };
  timing.textContent = "";
  answer.textContent = "";
  const response = await fetch("v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${key.value}` },
    body: JSON.stringify({ stream: true, messages: [{ role: "user", content: question.value }] }),
  });
  if (!response.ok || !response.body) throw new Error((await response.json()).error.message);
  for await (const line of lines(response.body)) {
    if (!line.startsWith("data:")) continue;
    const data = line.slice(5).trim();
    if (data === "[DONE]") return say(" The whole answer");
    const event = JSON.parse(data);
    if (event.error) throw new Error(event.error.message);
    const text = event.choices?.[0]?.delta?.content || "";
    if (text && !answer.textContent) say("First words");
    answer.append(text);
  }
  throw new Error("The connection was lost before the answer's end.");
}

form.addEventListener("submit", async (submit) => {
  submit.preventDefault();
  button.disabled = true;
  answer.setAttribute("aria-busy", "true");
  try {
    await ask();
  } catch (error) {
    timing.append(` It failed: ${error instanceof Error ? error.message : error}`);
  }
  answer.setAttribute("aria-busy", "false");
  button.disabled = false;
});
