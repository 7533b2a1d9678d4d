/**
 * The front page: the chat as a visitor of any site has it, what it costs in time, and the tag that gives it to another page.
 * The key comes in the address's fragment, which a browser never sends to a server.
 */
import { watch } from "./answers.js";
import * as editor from "./editor.js";
import { Live } from "./live.js";
import * as race from "./race.js";
import { api, base, refusal } from "./server.js";

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const key = /** @type {HTMLInputElement} */ (element("key"));
const bot = /** @type {HTMLFormElement} */ (element("bot"));
const which = /** @type {HTMLDetailsElement} */ (element("which"));
const measure = /** @type {HTMLButtonElement} */ (element("measure"));
const open = /** @type {HTMLButtonElement} */ (element("open"));

/** Room for the open chat beside what there is to read. */
const isWide = matchMedia("(min-width: 1080px)");
const live = new Live(base, isWide.matches);
/** What is asked when somebody measures. */
let question = "How do I run it?";

const fromAddress = new URLSearchParams(location.hash.slice(1)).get("key");
if (fromAddress) {
  key.value = fromAddress;
  history.replaceState(null, "", location.pathname + location.search);
}

function show() {
  const chosen = editor.choice();
  editor.write(base, key.value);
  document.body.dataset.side = chosen.position === "left" ? "left" : "right";
  document.body.style.setProperty("--room", `${Number(chosen.width || 400) + Number(chosen.offsetX || 20) + 50}px`);
  if (hasKey()) live.show(key.value, chosen);
}

const hasKey = () => key.value.startsWith("pk_");

async function introduce() {
  open.disabled = measure.disabled = !hasKey();
  show();
  if (!hasKey()) return;
  const response = await fetch(`${api}/widget/config?key=${encodeURIComponent(key.value)}`);
  if (!response.ok) throw await refusal(response);
  const { name, theme, suggestions } = await response.json();
  element("name").textContent = name;
  question = suggestions[0] ?? question;
  which.open = false;
  editor.beginWith(theme.accent ?? "");
  show();
}

async function ask() {
  const response = await fetch(`${api}/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${key.value}` },
    body: JSON.stringify({ stream: true, messages: [{ role: "user", content: question }] }),
  });
  if (!response.ok) throw await refusal(response);
  await response.text();
}

/** @param {() => Promise<void>} work */
async function trying(work) {
  try {
    await work();
  } catch (error) {
    race.note(error instanceof Error ? error.message : String(error));
  }
}

watch(race.show);
editor.begin(show);
measure.addEventListener("click", async () => {
  measure.setAttribute("aria-busy", "true");
  race.note("");
  await trying(ask);
  measure.removeAttribute("aria-busy");
});
open.addEventListener("click", () => live.open());
bot.addEventListener("submit", (event) => {
  event.preventDefault();
  key.value = key.value.trim();
  race.clear();
  void trying(introduce);
});
void trying(introduce);
