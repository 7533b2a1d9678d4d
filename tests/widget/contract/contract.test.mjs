/**
 * Pages keep the widget that they have pinned, or that is in their caches, or in their bundles, while the server goes on. What
 * the widget of each minor version relies on was written down by record.mjs; this server has to give it still.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterEach, describe, test } from "node:test";

import { IN_CHROMIUM, pageWith, startServer, startSite, surrounded, launch } from "../e2e/harness.mjs";
import { lacks, replay } from "./replay.mjs";

const FOLDER = "tests/widget/contract";
const JS = "static/widget/js";
const versions = readdirSync(JS).filter((name) => /^\d+\.\d+\.\d+$/.test(name));
const minorOf = (version) => version.replace(/\.\d+$/, "");
const recorded = (minor) => JSON.parse(readFileSync(`${FOLDER}/${minor}.json`, "utf8"));
const minors = readdirSync(FOLDER).filter((name) => /^\d+\.\d+\.json$/.test(name)).map((name) => name.replace(".json", ""));

let server, site, browser, context;
surrounded(IN_CHROMIUM.skip ? async () => ({}) : launch, (...all) => ([server, site, browser] = all));
afterEach(() => context?.close());

test("what each version relies on is written down", () => {
  assert.ok(versions.length);
  for (const version of versions) assert.ok(existsSync(`${FOLDER}/${minorOf(version)}.json`), `${version}: node ${FOLDER}/record.mjs`);
});

for (const minor of minors) {
  test(`this server gives a widget of ${minor} all that it asks for`, async () => {
    assert.deepEqual(await replay(server, site.origin, recorded(minor).calls), []);
  });
}

describe("the pinned loader of every version", IN_CHROMIUM, () => {
  const integrity = JSON.parse(readFileSync(`${JS}/integrity.json`, "utf8"));
  for (const version of versions) {
    test(`${version} answers`, async () => {
      const name = `${version}/chatbot-widget.js`;
      const tag = `<script src="${server.base}/${JS}/${name}" integrity="${integrity[name]}" crossorigin data-key="${server.keys.shop}" async></script>`;
      context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(site.add(`/${version}`, pageWith(tag)));
      await page.locator("chatbot-widget .launcher").click();
      await page.locator("chatbot-widget textarea").fill("How long is the delivery?");
      await page.locator("chatbot-widget textarea").press("Enter");
      await page.locator("chatbot-widget .bot .actions").waitFor();
      assert.ok((await page.locator("chatbot-widget .bot .message-content").last().innerText()).length > 20);
    });
  }
});

describe("a server that gives less is noticed", () => {
  const call = { status: 200, headers: ["x-message-id"], reads: { name: "string", "suggestions[]": "string", "theme.accent": "string" } };
  const answer = (body, headers = {}, more = {}) => ({
    status: 200, text: JSON.stringify(body), refused: [], origin: "https://shop.example", ...more,
    headers: new Headers({
      "content-type": "application/json", "access-control-allow-origin": "*", "x-message-id": "msg_1", "access-control-expose-headers": "X-Message-ID", ...headers,
    }),
  });
  const whole = { name: "Shop", suggestions: ["x"], theme: { accent: "#fff" }, more: 1 };
  const cases = {
    "nothing, where all is there": [answer(whole), []],
    "a field": [answer({ ...whole, name: undefined }), ["no name"]],
    "a field of another kind": [answer({ ...whole, theme: { accent: 7 } }), ["theme.accent is number instead of string"]],
    "a status": [answer(whole, {}, { status: 410 }), ["status 410 instead of 200"]],
    "a header that pages may read": [answer(whole, { "access-control-expose-headers": "" }), ["can't read the header x-message-id"]],
    "a header that pages may send": [answer(whole, {}, { refused: ["x-session-id"] }), ["may not send x-session-id"]],
    "the page's origin": [answer(whole, { "access-control-allow-origin": "https://other.example" }), ["not for pages of other origins"]],
    "a field in a stream": [
      { ...answer(whole, { "content-type": "text/event-stream" }), text: `: ping\n\ndata: {"name":"a"}\n\ndata: {"suggestions":["b"]}\n\ndata: [DONE]\n\n` },
      ["no theme.accent"],
    ],
  };
  for (const [name, [told, expected]] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(lacks(call, told), expected));
  }
});
