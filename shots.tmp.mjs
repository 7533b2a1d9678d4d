import { chromium } from "playwright-core";
import { readFileSync } from "node:fs";
const [base, path, name] = process.argv.slice(2);
const b = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const [w, h, scheme] of [[320, 700, "light"], [390, 844, "dark"], [1280, 900, "light"], [1280, 900, "dark"]]) {
  const c = await b.newContext({ viewport: { width: w, height: h }, colorScheme: scheme, bypassCSP: true });
  const p = await c.newPage();
  p.on("console", (m) => m.type() === "error" && console.log("console:", m.text()));
  p.on("pageerror", (e) => console.log("pageerror", e));
  await p.goto(base + path);
  if (process.argv[5]) await p.evaluate(process.argv[5]);
  await p.waitForTimeout(300);
  console.log(w, scheme, "scrollWidth", await p.evaluate(() => document.documentElement.scrollWidth));
  await p.screenshot({ path: `/tmp/h1/${name}-${w}-${scheme}.png`, fullPage: true });
  await p.evaluate(readFileSync("node_modules/axe-core/axe.min.js", "utf8"));
  const { violations } = await p.evaluate(() => axe.run());
  for (const v of violations) console.log("axe", v.id, v.nodes[0].html.slice(0, 150), v.nodes[0].failureSummary.slice(0, 200));
  await c.close();
}
await b.close();
