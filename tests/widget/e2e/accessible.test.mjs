/** axe finds nothing, in any state, in light and in dark. The tree that a screen reader is given is looked at in talking.test.mjs. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import axe from "axe-core";

import { IN_CHROMIUM, inChromium } from "./harness.mjs";
import { played, SCENES } from "./scenes.mjs";

const at = {};
inChromium((server, site, browser) => Object.assign(at, { server, site, browser }));

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe says against the chat, and how many rules it could apply. */
async function findings(page) {
  return page.evaluate(async (values) => {
    const { violations, passes } = await axe.run("chatbot-widget", { runOnly: { type: "tag", values } });
    const told = (all) => all.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.flat().join(" ")} ${failureSummary ?? ""}`));
    return { violations: told(violations), passes: passes.length };
  }, RULES);
}

describe("axe finds nothing", IN_CHROMIUM, () => {
  for (const scene of SCENES) {
    test(`${scene.name}, in light and in dark`, async () => {
      const { page, close } = await played(at, { ...scene, more: `data-theme="auto" ${scene.more ?? ""}` });
      await page.evaluate(axe.source);
      const found = [];
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        found.push({ colorScheme, ...(await findings(page)) });
      }
      await close();
      assert.deepEqual(found.flatMap(({ colorScheme, violations }) => violations.map((one) => `${colorScheme}: ${one}`)), []);
      assert.ok(found.every(({ passes }) => passes > 5));
    });
  }
});
