/** Asks a server what a widget of some version asked, as a page of another origin does, and says what that widget would lack. */

/** Answers' headers that every page may read. Source: https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name */
const READABLE = ["cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma"];
const NAMED = { session: "x-session-id", conversation: "x-conversation-id", message: "x-message-id" };

/**
 * @param {{ base: string, keys: Record<string, string> }} server @param {string} origin the page's @param {object[]} calls as recorded
 * @returns {Promise<string[]>} what each of them lacks
 */
export async function replay({ base, keys }, origin, calls) {
  const values = { ...keys };
  const lacking = [];
  for (const recorded of calls) {
    const call = JSON.parse(filled(JSON.stringify(recorded), values));
    const told = await ask(base, origin, call);
    for (const [name, header] of Object.entries(NAMED)) values[name] = told.headers.get(header) ?? values[name];
    lacking.push(...lacks(call, told).map((what) => `${call.method} ${recorded.path}: ${what}`));
  }
  return lacking;
}

/** @param {string} text @param {Record<string, string>} values */
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

async function ask(base, origin, { method, path, sent, body }) {
  const page = { Origin: origin };
  const names = Object.keys(sent).filter((name) => name !== "accept").sort();
  const asked = { ...page, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": names.join(",") };
  const before = names.length ? await fetch(base + path, { method: "OPTIONS", headers: asked }) : null;
  const answer = await fetch(base + path, { method, headers: { ...page, ...sent }, body });
  const allowed = before ? listed(before.headers, "access-control-allow-headers") : names;
  const refused = names.filter((name) => !allowed.includes(name));
  return { status: answer.status, headers: answer.headers, text: await answer.text(), refused, origin };
}

/** @param {Headers} headers @param {string} name */
const listed = (headers, name) => (headers.get(name) ?? "").toLowerCase().split(/\s*,\s*/);

/** What a call's answer no longer has. @returns {string[]} */
export function lacks(call, { status, headers, text, refused, origin }) {
  const found = [];
  if (status !== call.status) found.push(`status ${status} instead of ${call.status}`);
  if (!["*", origin].includes(headers.get("access-control-allow-origin"))) found.push("not for pages of other origins");
  for (const name of refused) found.push(`may not send ${name}`);
  for (const name of call.headers) if (!isReadable(headers, name)) found.push(`can't read the header ${name}`);
  return [...found, ...missing(call.reads, documents(headers, text))];
}

/** @param {Headers} headers @param {string} name */
const isReadable = (headers, name) => headers.has(name) && (READABLE.includes(name) || listed(headers, "access-control-expose-headers").includes(name));

/** The JSON in an answer, or in each event of its stream. @param {Headers} headers @param {string} text */
function documents(headers, text) {
  if (!headers.get("content-type")?.startsWith("text/event-stream")) return [JSON.parse(text || "null")];
  const data = text.split(/\r\n|\n|\r/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim());
  return data.filter((part) => part !== "[DONE]").map((part) => JSON.parse(part));
}

/** Fields that are not there, or of another kind. @param {Record<string, string>} reads @param {unknown[]} documents */
function missing(reads, documents) {
  /** @type {Map<string, Set<string>>} */
  const there = new Map();
  for (const document of documents) collect(document, "", there);
  return Object.entries(reads).flatMap(([path, kinds]) => {
    const found = [...(there.get(path) ?? [])];
    if (!found.length) return [`no ${path}`];
    const others = found.filter((kind) => !kinds.split("|").includes(kind));
    return others.length ? [`${path} is ${others.join("|")} instead of ${kinds}`] : [];
  });
}

/** @param {unknown} value @param {string} path @param {Map<string, Set<string>>} there */
function collect(value, path, there) {
  if (value === null || typeof value !== "object") return;
  for (const [name, part] of Object.entries(value)) {
    const at = Array.isArray(value) ? `${path}[]` : path ? `${path}.${name}` : name;
    there.set(at, (there.get(at) ?? new Set()).add(kindOf(part)));
    collect(part, at, there);
  }
}

/** @param {unknown} value */
const kindOf = (value) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
