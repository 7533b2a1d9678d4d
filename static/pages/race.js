/**
 * The server's latency as this page has it: figures, and a picture of words over time. What an answer that does not stream
 * is compared by is the same answer's end, for that is when it would have appeared; so nothing is asked twice.
 */
import { inSeconds, number } from "./numbers.js";

/** @import { Run } from "./answers.js" */

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, HIGH] = [600, 150];
/** Answers that stay in sight under the newest. */
const EARLIER = 4;

/** @param {number} times */
const timesOf = (times) => (times < 10 ? number.format(times) : String(Math.round(times)));

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** The newest run, and whether a frame is waited for to show it. @type {Run | null} */
let newest = null;
let isWaiting = false;

/** @param {Run} run that has more to tell */
export function show(run) {
  if (run !== newest && newest?.isWhole) keep(newest);
  if (run.total !== null) element("measured").textContent = told(run);
  newest = run;
  if (isWaiting) return;
  isWaiting = true;
  requestAnimationFrame(() => {
    isWaiting = false;
    if (newest) draw(newest);
  });
}

/** Forget what was measured with another bot. */
export function clear() {
  newest = null;
  element("earlier").replaceChildren();
}

/** @param {string} text in place of a result */
export function note(text) {
  element("measured").textContent = text;
}

/** @param {Run} run */
function draw(run) {
  element("sooner").textContent = headline(run);
  const figures = {
    "first-byte": inSeconds(run.firstByte),
    "on-server": inSeconds(run.onServer),
    "first-word": inSeconds(run.firstWord),
    total: inSeconds(run.total),
    rate: run.rate ? number.format(run.rate) : "–",
    events: String(run.events.length),
  };
  for (const [id, text] of Object.entries(figures)) element(id).textContent = text;
  element("until").textContent = inSeconds(spanOf(run));
  element("picture").replaceChildren(...marks(run));
}

/** @param {Run} run */
function headline({ sooner, total, isWhole }) {
  if (total === null) return "On its way…";
  if (!isWhole) return "No whole answer";
  return sooner >= 1.05 ? `${timesOf(sooner)} times sooner` : "Not sooner";
}

/** What is said once it is over, for those who don't see the picture too. @param {Run} run */
function told(run) {
  if (!run.isWhole) return "This answer did not come to its end, so there is nothing to compare.";
  if (run.isHeldBack) return `All of it came at once after ${inSeconds(run.total)}: something between this page and the server, a proxy most likely, holds streams back.`;
  return `The first word was there after ${inSeconds(run.firstWord)}, the whole answer after ${inSeconds(run.total)}: ${run.events.length} events.`;
}

/** How much time the picture shows: in growing steps while nobody knows the end. @param {Run} run */
function spanOf({ total, elapsed }) {
  return total ?? 1000 * 2 ** Math.max(0, Math.ceil(Math.log2(elapsed / 1000)));
}

/** @param {Run} run @returns {SVGElement[]} */
function marks(run) {
  const span = spanOf(run);
  const words = Math.max(1, run.words);
  /** @param {number} at */
  const x = (at) => Math.min(WIDE, (at / span) * WIDE);
  const steps = run.events.map(({ at, words: n }) => `H${x(at).toFixed(1)}V${(HIGH - (n / words) * (HIGH - 12)).toFixed(1)}`);
  const ticks = run.events.map(({ at }) => `M${x(at).toFixed(1)} ${HIGH}v-7`);
  const area = `M0 ${HIGH}${steps.join("")}H${x(run.elapsed).toFixed(1)}V${HIGH}Z`;
  const lines = [["words", area], ["ticks", ticks.join("")]];
  if (run.firstWord !== null) lines.push(["first", `M${x(run.firstWord).toFixed(1)} 0V${HIGH}`]);
  if (run.total !== null) lines.push(["whole", `M${x(run.total) - 1} 0V${HIGH}`]);
  return lines.map(([name, d]) => path(name, d));
}

/** @param {string} name @param {string} d */
function path(name, d) {
  const made = document.createElementNS(SVG, "path");
  made.setAttribute("class", name);
  made.setAttribute("d", d);
  return made;
}

/** A row for a run that is no longer the newest. @param {Run} run */
function keep(run) {
  const row = document.createElement("li");
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("aria-hidden", "true");
  picture.append(...marks(run));
  const times = document.createElement("span");
  times.textContent = `${inSeconds(run.firstWord)} of ${inSeconds(run.total)}`;
  const sooner = document.createElement("strong");
  sooner.textContent = headline(run);
  row.append(picture, times, sooner);
  element("earlier").prepend(row);
  element("earlier").children[EARLIER]?.remove();
}
