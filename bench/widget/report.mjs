/** Figures as Markdown tables: what was measured, its goal, and whether it was met. */

/** @typedef {{ name: string, value: number, digits?: number, unit?: string, most?: number, least?: number }} Figure */

/** @param {number[]} values @param {number} share */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** @param {number[]} values */
export const median = (values) => quantile(values, 0.5);

/** @param {number} value */
export const shown = (value, digits = 1) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** @param {string[]} head @param {string[][]} rows */
export function table(head, rows) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** @param {Figure} figure */
function goal({ most, least, digits, unit = "" }) {
  if (most === undefined && least === undefined) return "";
  return `${most === undefined ? "at least" : "at most"} ${shown(most ?? least ?? 0, digits)}${unit}`;
}

/** @param {Figure} figure */
export function isMet({ value, most = Infinity, least = -Infinity }) {
  return value <= most && value >= least;
}

/** @param {Figure[]} figures */
export function figures(figures) {
  const row = (/** @type {Figure} */ figure) => {
    const aim = goal(figure);
    const verdict = aim && (isMet(figure) ? "met" : "**missed**");
    return [figure.name, `${shown(figure.value, figure.digits)}${figure.unit ?? ""}`, aim, verdict];
  };
  return table(["measured", "", "goal", ""], figures.map(row));
}
