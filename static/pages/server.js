/** The server that this page is of, and what it says where it refuses. */

const main = /** @type {HTMLElement} */ (document.querySelector("main"));

export const base = new URL(main.dataset.base || "/", location.href).href.replace(/\/$/, "");
export const api = `${base}/api/v1`;

/** @param {Response} response */
export async function refusal(response) {
  const told = await response.json().catch(() => null);
  return new Error(told?.error ? `${told.error.message} (${told.error.code})` : `The server answered ${response.status}.`);
}
