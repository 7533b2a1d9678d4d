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
  await page.evaluate(axe.source);
  return page.evaluate(async (values) => {
    const { violations, incomplete, passes } = await axe.run("chatbot-widget", { runOnly: { type: "tag", values } });
    const told = (all) => all.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.flat().join(" ")} ${failureSummary ?? ""}`));
    return { violations: told(violations), unsure: told(incomplete), passes: passes.length };
  }, RULES);
}

describe("axe finds nothing", IN_CHROMIUM, () => {
  for (const scene of SCENES) {
    for (const colorScheme of scene.context?.colorScheme ? ["dark"] : ["light", "dark"]) {
      test(`${scene.name}, ${colorScheme}`, async () => {
        const { page, close } = await played(at, { ...scene, more: `data-theme="${colorScheme}" ${scene.more ?? ""}` }, { colorScheme });
        const { violations, passes } = await findings(page);
        await close();
        assert.deepEqual(violations, []);
        assert.ok(passes > 5, `${passes} rules applied`);
      });
    }
  }
});
