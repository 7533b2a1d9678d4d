/** The dashboard of an operator: its numbers are brought up to date every few seconds, while somebody sees them. */
import { refresh } from "./fresh.js";

const EVERY_MS = 5000;
const told = /** @type {HTMLElement} */ (document.getElementById("fresh"));

async function look() {
  if (!document.hidden) tell(await refresh(location.href).catch(() => false));
  setTimeout(look, EVERY_MS);
}

/** Said once, and not with each look. @param {boolean} isThere */
function tell(isThere) {
  const text = isThere ? "" : "The server gives no newer numbers: it is away, or your login has ended. Load this page again.";
  if (told.textContent !== text) told.textContent = text;
}

setTimeout(look, EVERY_MS);
