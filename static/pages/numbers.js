/** Times and counts as people read them, and what a row of them comes to. Times are in milliseconds. */

export const number = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const seconds = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** @param {number | null} ms */
export function inSeconds(ms) {
  if (ms === null) return "–";
  return ms < 100 ? `${Math.round(ms)} ms` : `${seconds.format(ms / 1000)} s`;
}

/** The value below which a part of them lies, by nearest rank; null of none. @param {number[]} values @param {number} part 0 to 1 */
export function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? null;
}

/** @param {number[]} values */
export const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);
