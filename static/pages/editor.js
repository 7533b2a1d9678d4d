/** The editor's fields: what they say, and the tag for it in a field that can be copied. */
import { written } from "./tag.js";

/** @import { Choice } from "./tag.js" */

const form = /** @type {HTMLFormElement} */ (document.getElementById("editor"));
const code = /** @type {HTMLTextAreaElement} */ (document.getElementById("code"));
const copied = /** @type {HTMLElement} */ (document.getElementById("copied"));

/** What differs from what stood there at first. @returns {Choice} */
export function choice() {
  /** @type {Record<string, string>} */
  const found = {};
  for (const field of form.elements) {
    if (!(field instanceof HTMLInputElement || field instanceof HTMLSelectElement) || !field.validity.valid) continue;
    if (field.type === "checkbox") found[field.name] = /** @type {HTMLInputElement} */ (field).checked ? "yes" : "";
    else if (field.value !== first(field)) found[field.name] = field.value.trim();
  }
  return found;
}

/** @param {HTMLInputElement | HTMLSelectElement} field */
const first = (field) => (field instanceof HTMLInputElement ? field.defaultValue : "");

/** The colour that the bot has by itself. @param {string} accent */
export function beginWith(accent) {
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("accent"));
  const isUntouched = field.value === field.defaultValue;
  field.defaultValue = /^#[0-9a-f]{6}$/i.test(accent) ? accent : "#1750c4";
  if (isUntouched) field.value = field.defaultValue;
  say();
}

/** Beside each slider, what it stands at. */
function say() {
  for (const output of form.querySelectorAll("output")) {
    const field = /** @type {HTMLInputElement} */ (form.elements.namedItem(output.htmlFor.value));
    output.value = field.type === "range" ? `${field.value} px` : field.value;
  }
}

/** @param {string} base @param {string} key */
export function write(base, key) {
  code.value = written(base, key || "pk_…", choice());
  // As high as its text, where the style sheet can't say so.
  code.rows = code.value.split("\n").length + 2;
}

/** @param {() => void} changed */
export function begin(changed) {
  const tell = () => {
    say();
    copied.textContent = "";
    changed();
  };
  form.addEventListener("input", (event) => isFollowed(event.target) && tell());
  form.addEventListener("change", tell);
  // The fields are reset after the event.
  form.addEventListener("reset", () => setTimeout(tell));
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("copy")?.addEventListener("click", copy);
  say();
}

/** Sliders and colours are followed as they move; texts when they are done. @param {EventTarget | null} field */
const isFollowed = (field) => field instanceof HTMLInputElement && ["range", "color"].includes(field.type);

async function copy() {
  const isDone = await navigator.clipboard?.writeText(code.value).then(() => true, () => false);
  copied.textContent = isDone || byHand() ? "Copied." : "Select the text and copy it.";
}

/** Where a page without TLS has no clipboard. */
function byHand() {
  code.select();
  return document.execCommand("copy");
}
