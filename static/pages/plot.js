/**
 * Pictures as SVG, in the size that they are shown in, so that their words have one size on a phone and on a desk. Looks come
 * from the page's style sheet by class; for a file of its own each is written into the element.
 */
import { inSeconds, quantile } from "./numbers.js";

/** @import { Run } from "./answers.js" */
/** @import { Row } from "./findings.js" */

const SVG = "http://www.w3.org/2000/svg";
const LANE = 74;
const EDGE = 8;
/** Looks that a picture takes along. */
const LOOKS = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-family", "font-weight", "text-anchor", "opacity"];

/** @param {string} name @param {Record<string, string | number>} [attributes] @param {string} [text] */
function made(name, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.textContent = text;
  return element;
}

/** An empty picture of this height. @param {SVGSVGElement} svg @param {number} height @returns {number} its width */
function cleared(svg, height) {
  const width = Math.max(240, Math.round(svg.clientWidth));
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", String(height));
  return width;
}

/**
 * Events on a time axis: the stream above, below it the same question without streaming.
 * @param {SVGSVGElement} svg @param {Run[]} runs
 */
export function timeline(svg, runs) {
  const lanes = runs.length || 1;
  const width = cleared(svg, lanes * LANE + 24);
  const span = Math.max(1000, ...runs.map(({ total, elapsed }) => total ?? elapsed));
  /** @param {number} at */
  const x = (at) => EDGE + (at / span) * (width - 2 * EDGE);
  runs.forEach((run, n) => svg.append(...lane(run, n * LANE, x)));
  svg.append(...axis(span, x, lanes * LANE + 4));
}

/** @param {Run} run @param {number} top @param {(at: number) => number} x */
function lane(run, top, x) {
  const [high, low] = [top + 22, top + 60];
  const name = run.isStream ? "Streaming" : "Non-streaming";
  const ticks = run.events.map(({ at }) => `M${x(at).toFixed(1)} ${low}V${high + 8}`).join("");
  const parts = [
    made("text", { class: "name", x: EDGE, y: top + 15 }, `${name}: ${toldOf(run)}`),
    made("path", { class: "base", d: `M${x(0)} ${low}H${x(run.elapsed).toFixed(1)}` }),
    made("rect", { class: "words", x: x(run.firstWord ?? run.elapsed), y: high + 8, width: Math.max(0, x(run.elapsed) - x(run.firstWord ?? run.elapsed)), height: low - high - 8 }),
    made("path", { class: "ticks", d: ticks }),
  ];
  /** @param {string} kind @param {number | null} at */
  const mark = (kind, at) => at !== null && parts.push(made("path", { class: kind, d: `M${x(at).toFixed(1)} ${high}V${low}` }));
  mark("byte", run.firstByte);
  mark("whole", run.total);
  mark("first", run.firstPaint ?? run.firstWord);
  return parts;
}

/** @param {Run} run */
function toldOf({ firstWord, total }) {
  if (firstWord === null) return total === null ? "nothing yet" : "no answer";
  return `first word after ${inSeconds(firstWord)}${total === null ? "" : `, all after ${inSeconds(total)}`}`;
}

/** @param {number} span @param {(at: number) => number} x @param {number} y */
function axis(span, x, y) {
  const step = [0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120].map((s) => s * 1000).find((s) => span / s <= 5) ?? span;
  const marks = [];
  for (let at = 0; at <= span; at += step) {
    const anchor = at === 0 ? "start" : x(at) > x(span) - 20 ? "end" : "middle";
    marks.push(made("path", { class: "base", d: `M${x(at).toFixed(1)} ${y - 8}v5` }), made("text", { class: "tick", x: x(at), y: y + 12, "text-anchor": anchor }, `${at / 1000} s`));
  }
  return marks;
}

/**
 * Each value a dot on one axis, a row for each kind, with the median and the 95th percentile.
 * @param {SVGSVGElement} svg @param {Row[]} rows
 */
export function dots(svg, rows) {
  const width = cleared(svg, rows.length * LANE + 24);
  const span = Math.max(1000, ...rows.flatMap(({ values }) => values));
  /** @param {number} at */
  const x = (at) => EDGE + (at / span) * (width - 2 * EDGE);
  rows.forEach((row, n) => svg.append(...rowOf(row, n * LANE, x)));
  svg.append(...axis(span, x, rows.length * LANE + 4));
}

/** @param {Row} row @param {number} top @param {(at: number) => number} x */
function rowOf({ name, values }, top, x) {
  const [median, p95] = [quantile(values, 0.5) ?? 0, quantile(values, 0.95) ?? 0];
  const spots = values.map((value, n) => made("circle", { class: "dot", cx: x(value).toFixed(1), cy: top + 32 + ((n * 7) % 24), r: 3.5 }));
  return [
    made("text", { class: "name", x: EDGE, y: top + 15 }, `${name}: median ${inSeconds(median)}, P95 ${inSeconds(p95)}`),
    made("path", { class: "base", d: `M${x(0)} ${top + 64}H${x(Math.max(...values)).toFixed(1)}` }),
    ...spots,
    made("path", { class: "first", d: `M${x(median).toFixed(1)} ${top + 22}V${top + 64}` }),
    made("path", { class: "whole", d: `M${x(p95).toFixed(1)} ${top + 22}V${top + 64}` }),
  ];
}

/**
 * Pictures one below the other, with a title, as a PNG at twice the size.
 * @param {string} title @param {SVGSVGElement[]} pictures
 * @returns {Promise<Blob>}
 */
export async function png(title, pictures) {
  const images = await Promise.all(pictures.map(image));
  const [width, height] = [Math.max(...images.map((i) => i.width)), images.reduce((sum, i) => sum + i.height + 16, 48)];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [(width + 32) * 2, height * 2];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const style = getComputedStyle(document.body);
  context.scale(2, 2);
  context.fillStyle = style.backgroundColor;
  context.fillRect(0, 0, width + 32, height);
  context.fillStyle = style.color;
  context.font = `700 20px ${style.fontFamily}`;
  context.fillText(title, 16, 32, width);
  let top = 48;
  for (const picture of images) {
    context.drawImage(picture, 16, top, picture.width, picture.height);
    top += picture.height + 16;
  }
  // Not toBlob: Chromium leaves that to idle moments, and waits up to 7 s for them.
  const bytes = atob(canvas.toDataURL().split(",")[1] ?? "");
  return new Blob([Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))], { type: "image/png" });
}

/** @param {SVGSVGElement} svg */
async function image(svg) {
  const [, , width, height] = (svg.getAttribute("viewBox") ?? "").split(" ").map(Number);
  const found = new Image(width, height);
  found.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(alone(svg, width ?? 0)))}`;
  await found.decode();
  return found;
}

/** The picture with its looks written into it. @param {SVGSVGElement} svg @param {number} width */
function alone(svg, width) {
  const copy = /** @type {SVGSVGElement} */ (svg.cloneNode(true));
  copy.setAttribute("width", String(width));
  const copies = copy.querySelectorAll("*");
  svg.querySelectorAll("*").forEach((element, n) => {
    const style = getComputedStyle(element);
    for (const name of LOOKS) copies[n]?.setAttribute(name, style.getPropertyValue(name));
  });
  return copy;
}
