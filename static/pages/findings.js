/** What runs come to: figures of one, the verdict on the way, the distribution of many, and how much sooner a stream is. */
import { inSeconds, mean, number, quantile } from "./numbers.js";

/** @import { Run } from "./answers.js" */

/** What somebody waits for: until the first word can be seen; in a page that is not painted, until it is there. @param {Run} run */
export const perceived = ({ firstPaint, firstWord }) => firstPaint ?? firstWord;

/** Silences between events, from the first word on. @param {Run} run @returns {number[]} */
function gaps({ events, firstWord }) {
  const times = events.map(({ at }) => at).filter((at) => firstWord !== null && at >= firstWord);
  return times.slice(1).map((at, n) => at - /** @type {number} */ (times[n]));
}

/** Tokens a second while they came; of an answer in one piece, over all of it. Null where they came too quickly to say. @param {Run} run */
export function tokenRate({ isStream, events, tokens, firstWord, total }) {
  const count = tokens ?? (isStream ? events.length : 0);
  const span = (total ?? 0) - (isStream ? (firstWord ?? 0) : 0);
  return count && span > 50 ? (count / span) * 1000 : null;
}

/** @param {Run} run @returns {"live" | "buffered" | "short" | "incomplete" | "whole"} */
export function verdict(run) {
  if (!run.isWhole) return "incomplete";
  if (!run.isStream) return "whole";
  if (run.isHeldBack) return "buffered";
  return (run.total ?? 0) > 1000 ? "live" : "short";
}

const VERDICTS = {
  live: "Arrives live.",
  buffered: "Is buffered on the way: all events came at once, at the end. A proxy in front of the server, or something before the browser, holds streams back.",
  short: "Too short to tell: it took less than a second. Ask something longer.",
  incomplete: "Did not come to its end.",
  whole: "Asked without streaming: it came in one piece.",
};

/** @param {Run} run */
export const verdictInWords = (run) => VERDICTS[verdict(run)];

/** The figures of one run by their ids, as they are shown. @param {Run} run @returns {Record<string, string>} */
export function figures(run) {
  const [between, rate] = [gaps(run), tokenRate(run)];
  return {
    "first-byte": inSeconds(run.firstByte),
    "on-server": inSeconds(run.onServer),
    "first-token": inSeconds(run.firstWord),
    "first-paint": inSeconds(run.firstPaint),
    total: inSeconds(run.total),
    events: String(run.events.length),
    length: String(run.length),
    rate: rate === null ? "–" : number.format(rate),
    stall: inSeconds(between.length ? Math.max(...between) : null),
    gap: inSeconds(quantile(between, 0.95)),
  };
}

/** @typedef {{ name: string, values: number[] }} Row times of whole runs, by what they are of */
const [SEEN, ENDED, SEEN_WHOLE] = ["First word, streaming", "Whole answer, streaming", "First word, non-streaming"];

/** @param {Run[]} runs @returns {Row[]} */
export function distribution(runs) {
  const whole = runs.filter(({ isWhole }) => isWhole);
  const [streams, others] = [whole.filter(({ isStream }) => isStream), whole.filter(({ isStream }) => !isStream)];
  /** @param {Run[]} of @param {(run: Run) => number | null} time */
  const times = (of, time) => of.map(time).filter((ms) => ms !== null);
  return [
    { name: SEEN, values: times(streams, perceived) },
    { name: ENDED, values: times(streams, ({ total }) => total) },
    { name: SEEN_WHOLE, values: times(others, perceived) },
  ].filter(({ values }) => values.length);
}

/** @param {Row} row */
export const summary = ({ values }) => ({
  median: quantile(values, 0.5), p95: quantile(values, 0.95), mean: mean(values), least: quantile(values, 0), most: quantile(values, 1),
});

/**
 * How many percent less somebody waits for the first word, by the means; against the same streams' ends where nothing was asked
 * without streaming, for that is when it would have been shown. Null: nothing to compare.
 * @param {Run[]} runs
 */
export function improvement(runs) {
  const rows = new Map(distribution(runs).map(({ name, values }) => [name, mean(values)]));
  const now = rows.get(SEEN);
  const before = rows.get(SEEN_WHOLE) ?? rows.get(ENDED);
  return now && before ? (1 - now / before) * 100 : null;
}

/** @param {Run} run as it is exported: times in milliseconds, and nothing that was said */
export const exported = (run) => ({
  streaming: run.isStream, complete: run.isWhole, verdict: verdict(run), first_byte: run.firstByte, on_server: run.onServer,
  first_token: run.firstWord, first_paint: run.firstPaint, total: run.total, events: run.events.map(({ at }) => at),
  characters: run.length, tokens: run.tokens, tokens_per_second: tokenRate(run), longest_stall: Math.max(0, ...gaps(run)),
  p95_gap: quantile(gaps(run), 0.95),
});
