/**
 * The start page's trial: one bot, streamed, with the time to its first words.
 * The key comes in the address's fragment, which a browser never sends to a server. Session and conversation
 * live in this page alone: nothing is stored.
 */
/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const form = /** @type {HTMLFormElement} */ (element("ask"));
const key = /** @type {HTMLInputElement} */ (element("key"));
const question = /** @type {HTMLInputElement} */ (element("question"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
const talk = element("talk");
const timing = element("timing");
const privacy = /** @type {HTMLAnchorElement} */ (element("privacy"));
/** @type {Record<string, string>} */
const ids = {};
let contact = "";

const fromAddress = new URLSearchParams(location.hash.slice(1)).get("key");
if (fromAddress) key.value = fromAddress;
history.replaceState(null, "", location.pathname);

/** @param {Response} response */
async function refusal(response) {
  const { error } = await response.json();
  return new Error(`${error.message} (${error.code})`);
}

async function introduce() {
  for (const name of Object.keys(ids)) delete ids[name];
  element("greeting").textContent = "";
  element("suggestions").replaceChildren();
  timing.textContent = contact = "";
  privacy.hidden = true;
  if (!key.value.startsWith("pk_")) return;
  const response = await fetch(`api/v1/widget/config?key=${encodeURIComponent(key.value)}`);
  if (!response.ok) throw await refusal(response);
  const bot = await response.json();
  element("name").textContent = bot.name;
  document.title = bot.name;
  element("greeting").textContent = bot.greeting;
  contact = bot.contact;
  privacy.href = bot.privacy_url || "";
  privacy.hidden = !bot.privacy_url;
  for (const text of bot.suggestions) {
    const suggestion = document.createElement("button");
    suggestion.type = "button";
    suggestion.textContent = text;
    suggestion.addEventListener("click", () => {
      question.value = text;
      form.requestSubmit();
    });
    const item = document.createElement("li");
    item.append(suggestion);
    element("suggestions").append(item);
  }
}

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

/** @param {string} speaker @param {string} text */
function say(speaker, text) {
  const item = document.createElement("li");
  item.className = speaker;
  item.textContent = text;
  talk.append(item);
  return item;
}

/**
 * Mark an answer that is none, or not the whole one, in words and where it stands: the rest of the page may be out of view.
 * @param {HTMLElement} answer @param {string} message
 */
function fail(answer, message) {
  const note = document.createElement("p");
  note.className = "failure";
  note.setAttribute("role", "alert");
  note.textContent = `${answer.textContent ? "Not the whole answer" : "No answer"}: ${message}`;
  answer.classList.add("failed");
  answer.append(note);
  note.scrollIntoView({ block: "nearest" });
}

/** @param {unknown} error */
function told(error) {
  const message = error instanceof Error ? error.message : String(error);
  return contact && !message.includes(contact) ? `${message} ${contact}` : message;
}

/** @param {string} text @param {HTMLElement} answer */
async function ask(text, answer) {
  const begin = performance.now();
  /** @param {string} what */
  const note = (what) => {
    timing.append(`${what} after ${((performance.now() - begin) / 1000).toFixed(2)} s.`);
  };
  timing.textContent = "";
  const response = await fetch("api/v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${key.value}`, ...ids },
    body: JSON.stringify({ stream: true, messages: [{ role: "user", content: text }] }),
  });
  if (!response.ok || !response.body) throw await refusal(response);
  for (const name of ["X-Session-ID", "X-Conversation-ID"]) {
    const value = response.headers.get(name);
    if (value) ids[name] = value;
  }
  for await (const line of lines(response.body)) {
    if (!line.startsWith("data:")) continue;
    const data = line.slice(5).trim();
    if (data === "[DONE]") return note(" The whole answer");
    const event = JSON.parse(data);
    if (event.error) throw new Error(event.error.message);
    const words = event.choices?.[0]?.delta?.content || "";
    if (words && !answer.textContent) note("First words");
    answer.append(words);
  }
  throw new Error("The connection was lost before the answer's end.");
}

/** @param {() => Promise<void>} work @param {(message: string) => void} failed */
async function trying(work, failed) {
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    failed(told(error));
  }
  button.disabled = false;
}

/** @param {string} text */
async function answering(text) {
  say("question", text);
  const answer = say("answer", "");
  answer.setAttribute("aria-busy", "true");
  answer.scrollIntoView({ block: "nearest" });
  await trying(() => ask(text, answer), (message) => fail(answer, message));
  answer.setAttribute("aria-busy", "false");
}

function introducing() {
  return trying(introduce, (message) => {
    timing.append(` It failed: ${message}`);
    timing.scrollIntoView({ block: "nearest" });
  });
}

form.addEventListener("submit", (submit) => {
  submit.preventDefault();
  const text = question.value.trim();
  if (!text || button.disabled) return;
  question.value = "";
  answering(text);
});
key.addEventListener("change", introducing);
introducing();
