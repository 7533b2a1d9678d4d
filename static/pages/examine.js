/** The doctor's button on the test page: begins an examination, and shows what is found as it is. Without this file the page is loaded again. */
import { refresh } from "./fresh.js";

const EVERY_MS = 700;
const form = /** @type {HTMLFormElement} */ (document.getElementById("examine"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
const found = /** @type {HTMLElement} */ (document.querySelector('[data-fresh="examination"]'));

async function look() {
  await refresh(location.pathname).catch(() => false);
  const { running } = found.dataset;
  button.disabled = running !== undefined;
  if (running !== undefined) setTimeout(look, EVERY_MS);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form)));
  const response = await fetch(form.action, { method: "POST", body }).catch(() => null);
  // A refusal is the browser's to show, as it would be without this file.
  if (response?.ok) await look();
  else form.submit();
});
if (found.dataset.running !== undefined) void look();
