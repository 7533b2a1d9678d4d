/**
 * What the chat costs the pages it is in, in a real browser: `node bench/widget/bench.mjs [--quick] [--only rendering,…]`.
 *
 * Only ratios within one run and counts hold on another machine. A goal that is missed is told and no failure; an answer
 * that did not arrive whole is one.
 */
import { mkdirSync, writeFileSync } from "node:fs";

import { launch, startServer, startSite } from "../../tests/widget/e2e/harness.mjs";
import * as loading from "./loading.mjs";
import * as memory from "./memory.mjs";
import * as rendering from "./rendering.mjs";
import * as smoothness from "./smoothness.mjs";

const PARTS = {
  rendering: ["Rendering", rendering.rendering, rendering.report],
  smoothness: ["Smoothness", smoothness.smoothness, smoothness.report],
  memory: ["Memory", memory.memory, memory.report],
  loading: ["Loading", loading.loading, loading.report],
};
const OUT = new URL("../out/", import.meta.url);

const argument = (name) => process.argv[process.argv.indexOf(name) + 1];
const quick = process.argv.includes("--quick");
const wanted = process.argv.includes("--only") ? argument("--only").split(",") : Object.keys(PARTS);

/** One part, in a browser of its own: what it leaves behind is nobody's. */
async function measured(name, surroundings) {
  const [title, measure, report] = PARTS[name];
  console.error(`widget: ${name}`);
  const browser = await launch();
  try {
    const context = await browser.newContext({ viewport: { width: 1000, height: 760 } });
    const found = await measure({ ...surroundings, browser, context, quick });
    console.log(`### ${title}\n\n${report(found)}\n`);
    return { ...found, version: browser.version() };
  } finally {
    await browser.close();
  }
}

const [server, site] = await Promise.all([startServer(), startSite()]);
const results = {};
try {
  for (const name of wanted) results[name] = await measured(name, { server, site });
} finally {
  site.stop();
  await server.stop();
}
mkdirSync(OUT, { recursive: true });
writeFileSync(new URL(wanted.length === 1 ? `widget-${wanted[0]}.json` : "widget.json", OUT), JSON.stringify(results, null, 1));
const broken = Object.values(results).reduce((sum, found) => sum + (found.broken ?? 0), 0);
if (broken) {
  console.error(`${broken} answers were not whole`);
  process.exit(1);
}
