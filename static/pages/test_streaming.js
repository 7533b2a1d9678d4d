/**
 * The test page: asks the server with and without streaming, shows what comes when, and says how much sooner the first word is
 * there. The two of a pair go at the same time, with the same seed for the mock, so that both have the same day.
 */
import { distribution, exported, figures, improvement, summary, verdict, verdictInWords } from "./findings.js";
import { inSeconds } from "./numbers.js";
import { dots, png, timeline } from "./plot.js";
import { base } from "./server.js";
import { ask } from "./trial.js";

/** @import { Run } from "./answers.js" */

/** Pairs at a time. A browser has six connections to a server; one that waits for another's end would be measured with it. */
const LANES = 2;
const KINDS = /** @type {const} */ (["stream", "whole"]);

/** @template {HTMLElement} T @param {string} id @param {new () => T} [_] @returns {T} */
const element = (id, _) => /** @type {T} */ (document.getElementById(id));
const form = element("ask", HTMLFormElement);
const which = element("which", HTMLInputElement);
const [stop, progress] = [element("stop", HTMLButtonElement), element("progress", HTMLProgressElement)];
const saves = [element("json", HTMLButtonElement), element("png", HTMLButtonElement)];
const pictures = ["one", "spread"].map((id) => /** @type {SVGSVGElement} */ (/** @type {unknown} */ (element(id))));
const pass = /** @type {HTMLElement} */ (document.querySelector("main")).dataset.trial;

/** Pairs in the order in which they began, each a run with streaming, one without, or both. @type {Partial<Record<"stream" | "whole", Run>>[]} */
let pairs = [];
/** What did not work, once for each run. @type {string[]} */
let failures = [];
let isWaiting = false;
/** The pair that is shown: the newest, until somebody chooses. */
let shown = 0;
/** @type {AbortController | null} */
let running = null;

/** @param {string} name */
const field = (name) => /** @type {HTMLInputElement | null} */ (form.elements.namedItem(name))?.value.trim() ?? "";

function settings() {
  return { model: field("model"), profile: field("profile") };
}

/** @param {number} seed */
function asked(seed) {
  const test = pass ? { test: { pass, ...settings(), seed } } : {};
  return { key: field("key"), prompt: field("prompt"), ...test };
}

/** @param {readonly ("stream" | "whole")[]} kinds @param {number} count of pairs */
async function measure(kinds, count) {
  running = new AbortController();
  const { signal } = running;
  [pairs, failures, shown] = [[], [], 0];
  begin(count);
  let next = 0;
  const lanes = Array.from({ length: Math.min(LANES, count) }, async () => {
    while (next < count && !signal.aborted) await pair(kinds, next++, signal);
  });
  await Promise.all(lanes);
  running = null;
  end();
}

/** @param {readonly ("stream" | "whole")[]} kinds @param {number} n @param {AbortSignal} signal */
async function pair(kinds, n, signal) {
  /** @type {Partial<Record<"stream" | "whole", Run>>} */
  const runs = (pairs[n] = {});
  shown = n;
  const seed = Math.floor(Math.random() * 2 ** 31);
  await Promise.all(kinds.map(async (kind) => {
    const tell = (/** @type {Run} */ run) => ((runs[kind] = run), soon());
    try {
      const run = await ask(asked(seed), kind === "stream", { pane: element(`${kind}-text`), tell, signal });
      if (!run.isWhole) failures.push("The answer did not come to its end.");
    } catch (error) {
      runs[kind]?.ended();
      if (!signal.aborted) failures.push(error instanceof Error ? error.message : String(error));
    }
  }));
  progress.value += 1;
}

/** @param {number} count */
function begin(count) {
  for (const button of form.querySelectorAll("button")) button.disabled = button !== stop;
  for (const button of saves) button.disabled = true;
  progress.hidden = count < 2;
  [progress.value, progress.max] = [0, count];
  element("several").hidden = true;
  element("sooner").textContent = "On its way…";
  element("verdict").textContent = count > 1 ? `${count} runs are on their way.` : "The answer is on its way.";
  for (const kind of KINDS) element(`${kind}-text`).textContent = "";
}

function end() {
  for (const button of form.querySelectorAll("button")) button.disabled = button === stop;
  for (const button of saves) button.disabled = all().length === 0;
  progress.hidden = true;
  which.max = String(Math.max(1, pairs.length));
  element("which-field").hidden = pairs.length < 2;
  const percent = improvement(all());
  element("sooner").textContent = percent === null ? "Nothing to compare" : percent >= 1 ? `${percent.toFixed(0)} % sooner` : "Not sooner";
  element("verdict").textContent = told();
  draw();
}

const all = () => pairs.flatMap((runs) => KINDS.map((kind) => runs[kind])).filter((run) => run !== undefined);

/** What was found, in words, once it is over. */
function told() {
  const streams = all().filter(({ isStream }) => isStream);
  const said = [];
  if (pairs.length > 1) {
    if (streams.length) said.push(counted(streams));
    said.push(`${all().filter(({ isWhole }) => isWhole).length} of ${all().length} answers came whole.`);
  }
  else for (const run of all()) said.push(verdictInWords(run));
  const rows = distribution(all());
  for (const row of rows) said.push(`${row.name}: ${inSeconds(summary(row).mean)}${row.values.length > 1 ? " on average" : ""}.`);
  if (failures.length) said.push(`${failures.length} failed: ${[...new Set(failures)].join(" ")}`);
  return said.join(" ") || "Stopped.";
}

/** @param {Run[]} streams */
function counted(streams) {
  const found = streams.map(verdict);
  const [live, buffered] = ["live", "buffered"].map((kind) => found.filter((it) => it === kind).length);
  if (buffered) return `${buffered} of ${streams.length} streams were buffered on the way: all events came at once.`;
  return `${live} of ${streams.length} streams arrived live${live === streams.length ? "." : "; the others were too short to tell, or did not come to their end."}`;
}

/** Draw with the next frame. */
function soon() {
  if (isWaiting) return;
  isWaiting = true;
  requestAnimationFrame(draw);
}

function draw() {
  isWaiting = false;
  which.value = String(shown + 1);
  element("which-one").textContent = String(shown + 1);
  const runs = pairs[shown] ?? {};
  const present = KINDS.map((kind) => runs[kind]).filter((run) => run !== undefined);
  for (const kind of KINDS) {
    const found = runs[kind] ? figures(runs[kind]) : {};
    for (const cell of document.querySelectorAll(`[data-${kind}]`)) {
      cell.textContent = found[/** @type {HTMLElement} */ (cell).dataset[kind] ?? ""] ?? "–";
    }
  }
  const [picture, spread] = /** @type {[SVGSVGElement, SVGSVGElement]} */ (pictures);
  timeline(picture, present);
  picture.setAttribute("aria-label", present.map(inWords).join(" ") || "Nothing measured yet");
  if (progress.max > 1) several(spread);
}

/** @param {Run} run */
const inWords = (run) =>
  `${run.isStream ? "Streaming" : "Non-streaming"}: first word after ${inSeconds(run.firstWord)}, all after ${inSeconds(run.total)}, ${run.events.length} events.`;

/** @param {SVGSVGElement} spread */
function several(spread) {
  const rows = distribution(all());
  element("several").hidden = !rows.length;
  if (rows.length) dots(spread, rows);
  spread.setAttribute("aria-label", rows.map((row) => `${row.name}: ${row.values.length} runs, median ${inSeconds(summary(row).median)}, P95 ${inSeconds(summary(row).p95)}.`).join(" "));
  const lines = rows.map((row) => {
    const line = document.createElement("tr");
    const { median, p95, mean, least, most } = summary(row);
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = row.name;
    line.append(name, ...[median, p95, mean, least, most].map((ms) => Object.assign(document.createElement("td"), { textContent: ((ms ?? 0) / 1000).toFixed(2) })));
    return line;
  });
  element("rows").replaceChildren(...lines);
}

/** @param {string} name @param {Blob} blob */
function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** All that was measured; of what was said and by which key, nothing. */
function report() {
  const values = Object.fromEntries(distribution(all()).map((row) => [row.name, summary(row)]));
  const runs = pairs.map((runs) => Object.fromEntries(KINDS.flatMap((kind) => (runs[kind] ? [[kind, exported(runs[kind])]] : []))));
  return { unit: "milliseconds", at: new Date().toISOString(), server: base, browser: navigator.userAgent, ...settings(),
    improvement_percent: improvement(all()), failed: failures.length, distribution: values, runs };
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const how = /** @type {HTMLButtonElement | null} */ (/** @type {SubmitEvent} */ (event).submitter)?.value ?? "both";
  if (running) return;
  if (how === "both") void measure(KINDS, Number(field("runs")));
  else void measure([how === "whole" ? "whole" : "stream"], 1);
});
stop.addEventListener("click", () => running?.abort());
element("runs").addEventListener("input", () => (element("count").textContent = field("runs")));
which.addEventListener("input", () => {
  shown = Number(which.value) - 1;
  draw();
});
element("json").addEventListener("click", () => save("latency.json", new Blob([JSON.stringify(report(), null, 1)], { type: "application/json" })));
element("png").addEventListener("click", async () => {
  const seen = pictures.filter((picture) => !picture.closest("[hidden]"));
  save("latency.png", await png(`${element("sooner").textContent} · ${base}`, seen));
});
new ResizeObserver(soon).observe(/** @type {Element} */ (document.querySelector("figure")));
