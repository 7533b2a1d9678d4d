/** What it costs to show an answer while it grows, beside the way that most chats take. Both in one page, in turns. */
import { build } from "esbuild";

import { answer } from "./answer.mjs";
import { figures, median, shown, table } from "./report.mjs";

/** Rounds by the characters of a flush: the common way takes minutes for one of the finer. */
const ROUNDS = { 4: 1, 16: 3 };
const WAYS = ["common", "ours"];
const NAMES = { common: "`innerHTML = sanitize(parse(all))`", ours: "ours" };
/** A page that is isolated from others gets clocks of 5 us; else they are of 100, longer than a flush. */
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** The contenders as one script that sets `contenders`. */
async function bundled() {
  const entry = new URL("contenders.js", import.meta.url).pathname;
  const made = await build({ entryPoints: [entry], bundle: true, write: false, format: "iife", globalName: "contenders", target: "es2022" });
  return made.outputFiles[0].text;
}

const sum = (values) => values.reduce((all, value) => all + value, 0);
const timed = (page, way, text, size) => page.evaluate(([w, t, s]) => contenders.timed(w, t, s), [way, text, size]);
const counted = (page, way, text, size) => page.evaluate(([w, t, s]) => contenders.counted(w, t, s), [way, text, size]);

/** Some runs of both ways, each first in turn. */
async function compared(page, text, size, rounds) {
  const runs = { common: [], ours: [] };
  for (let round = 0; round < rounds; round++) {
    for (const way of round % 2 ? [...WAYS].reverse() : WAYS) runs[way].push((await timed(page, way, text, size)).flushes);
  }
  const found = {};
  for (const way of WAYS) {
    found[way] = {
      total: median(runs[way].map(sum)),
      late: median(runs[way].map((flushes) => median(flushes.slice(-Math.ceil(flushes.length / 10))))),
      ...(await counted(page, way, text, size)),
    };
  }
  return { size, ...found, times: found.common.total / found.ours.total };
}

/** How much longer our own takes for twice the text. Layout is left out: it goes over all blocks, whoever makes them. */
async function growth(page, length, rounds) {
  const totals = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const n of [0, 1]) totals[n].push((await timed(page, "ours", answer(length * (n + 1)), 4)).writing);
  }
  return median(totals[1]) / median(totals[0]);
}

export async function rendering({ site, context, quick }) {
  const page = await context.newPage();
  await page.goto(site.add("/rendering", { html: "<!doctype html><title>Rendering</title><body>", headers: ISOLATED }));
  await page.addScriptTag({ content: await bundled() });
  const length = quick ? 5_000 : 20_000;
  const text = answer(length);
  for (const way of WAYS) await timed(page, way, answer(2_000, 2), 4);
  const sizes = [];
  for (const size of Object.keys(ROUNDS).map(Number)) sizes.push(await compared(page, text, size, quick ? 1 : ROUNDS[size]));
  const doubled = await growth(page, length, quick ? 3 : 5);
  await page.close();
  return { length, sizes, doubled };
}

/** @param {Awaited<ReturnType<typeof rendering>>} found */
export function report({ length, sizes, doubled }) {
  const rows = sizes.flatMap((found) => WAYS.map((way) => {
    const { total, late, made, left } = found[way];
    return [`${found.size}`, NAMES[way], shown(total, 0), shown(found.common.total / total), shown(late, 2), shown(made, 0), shown(left, 0)];
  }));
  const fine = sizes[0];
  return [
    `${shown(length, 0)} characters in a column of 400 px, layout after each flush`,
    "",
    table(["characters a flush", "way", "total ms", "times cheaper", "a flush of the last tenth, ms", "nodes made", "nodes left"], rows),
    "",
    figures([
      ...sizes.map(({ size, times }) => ({ name: `times cheaper, ${size} characters a flush`, value: times, least: 20 })),
      { name: "nodes made for each that is left", value: fine.ours.made / fine.ours.left, digits: 2, most: 3 },
      { name: "twice the text, without layout", value: doubled, digits: 2, unit: " times", most: 2.3 },
    ]),
  ].join("\n");
}
