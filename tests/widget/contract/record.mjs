/**
 * Writes down what the widget of this version relies on: `node tests/widget/contract/record.mjs`, at each release, before
 * the version is called released. What is written is kept for as long as pages may have that version.
 */
import { readFileSync, writeFileSync } from "node:fs";

import { launch, startServer, startSite } from "../e2e/harness.mjs";
import { run } from "./scenario.mjs";

const { version } = JSON.parse(readFileSync("static/widget/package.json", "utf8"));
const NAMED = { "x-session-id": "session", "x-conversation-id": "conversation", "x-message-id": "message" };

/** Values that are others each time become names: `{key}`, or `{session}` of the answer that gave it. */
function general(calls, keys) {
  const names = new Map(Object.entries(keys).map(([bot, key]) => [key, `{${bot}}`]));
  const plain = (text) => [...names].reduce((all, [value, name]) => all.replaceAll(value, name), text);
  return calls.map(({ headers, sent, body, path, ...call }) => {
    const asked = { path: plain(path), sent: JSON.parse(plain(JSON.stringify(sent))), body: body && plain(body) };
    for (const [header, name] of Object.entries(NAMED)) if (headers[header]) names.set(headers[header], `{${name}}`);
    return { ...asked, ...call, headers: Object.keys(headers).sort() };
  });
}

const [server, site, browser] = await Promise.all([startServer(), startSite(), launch()]);
try {
  const calls = general(await run({ server, site, browser }, version), server.keys);
  const file = `tests/widget/contract/${version.replace(/\.\d+$/, "")}.json`;
  writeFileSync(file, `${JSON.stringify({ version, calls }, null, 1)}\n`);
  console.log(`${file}: ${calls.length} requests`);
} finally {
  await Promise.allSettled([browser.close(), site.stop(), server.stop()]);
}
