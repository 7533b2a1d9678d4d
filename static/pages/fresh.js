/**
 * Brings a page that the server has drawn up to date where it stands: it is loaded again, and what differs of its parts named
 * `data-fresh` is put in. What nobody has changed is left alone, so scroll, focus and what is unfolded stay.
 */

/** @param {string} html */
const parsed = (html) => new DOMParser().parseFromString(html, "text/html");
/** @param {ParentNode} within */
const parts = (within) => /** @type {NodeListOf<HTMLElement>} */ (within.querySelectorAll("[data-fresh]"));

/**
 * @param {string} url
 * @returns {Promise<boolean>} whether the page was there to be taken
 */
export async function refresh(url) {
  const response = await fetch(url, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!response.ok) return false;
  const page = parsed(await response.text());
  for (const part of parts(document)) {
    const fresh = page.querySelector(`[data-fresh="${part.dataset.fresh}"]`);
    if (fresh) put(part, fresh);
  }
  return true;
}

/** @param {Element} part @param {Element} fresh */
function put(part, fresh) {
  for (const name of new Set([...part.getAttributeNames(), ...fresh.getAttributeNames()])) {
    const value = fresh.getAttribute(name);
    if (value === null) part.removeAttribute(name);
    else if (part.getAttribute(name) !== value) part.setAttribute(name, value);
  }
  if (part.innerHTML === fresh.innerHTML) return;
  if (part.querySelector(":scope > [data-row]")) rows(part, fresh);
  else part.replaceChildren(...fresh.childNodes);
}

/** Rows go at the top and come at the end: those in sight keep their place. @param {Element} part @param {Element} fresh */
function rows(part, fresh) {
  const news = new Map(Array.from(fresh.querySelectorAll(":scope > [data-row]"), (row) => [row.getAttribute("data-row"), row]));
  for (const row of part.querySelectorAll(":scope > [data-row]")) {
    const name = row.getAttribute("data-row");
    const found = news.get(name);
    if (!found) row.remove();
    else if (found.innerHTML !== row.innerHTML) row.replaceChildren(...found.childNodes);
    news.delete(name);
  }
  part.append(...news.values());
}
