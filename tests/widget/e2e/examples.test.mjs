/** The examples as they stand in examples/, each on a page of another origin than the server's. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";

import { bundled } from "./bundle.mjs";
import { freePort, IN_CHROMIUM, inChromium, needs, pageWith, until } from "./harness.mjs";

let server, site, browser, context;
inChromium((...all) => ([server, site, browser] = all));
afterEach(() => context?.close());

/** An example with this server and its key in place of those that an owner replaces. */
const filled = (text) => text.replaceAll("https://chat.example", server.base).replaceAll("pk_YOUR_KEY", server.keys.shop);
const example = (path) => filled(readFileSync(join("examples", path), "utf8"));

/** Each site has an icon that a browser asks for by itself, but for these. */
const isFault = (message) => ["error", "warning"].includes(message.type()) && !message.location().url.endsWith("/favicon.ico");

/** A page; what went wrong in it is in `page.faults`. */
async function visit(address) {
  context = await browser.newContext({ viewport: { width: 1000, height: 760 } });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => isFault(message) && page.faults.push(message.text()));
  await page.goto(address);
  return page;
}

const chats = (page) => page.locator("chatbot-widget").count();

/** The one chat answers. */
async function answers(page) {
  await page.locator("chatbot-widget .launcher").click();
  await page.locator("chatbot-widget textarea").fill("How long is the delivery?");
  await page.locator("chatbot-widget textarea").press("Enter");
  await page.locator("chatbot-widget .bot .actions").last().waitFor();
  assert.equal(await chats(page), 1);
  assert.deepEqual(page.faults, []);
}

describe("plain HTML", IN_CHROMIUM, () => {
  test("the tag, and a button of the page that asks the chat", async () => {
    const page = await visit(site.add("/html", example("html/index.html")));
    await answers(page);
    await page.locator("#ask").click();
    await page.waitForFunction(() => document.querySelector("chatbot-widget").shadowRoot.querySelectorAll(".bot .actions").length === 2);
    const launcher = await page.locator(".launcher").evaluate((node) => getComputedStyle(node).backgroundColor);
    assert.equal(launcher, "rgb(10, 107, 78)");
  });
});

const PHP = process.env.PHP ?? "/usr/bin/php";
/** What the plugin does with this server and this key in its settings. */
const php = (...values) => JSON.parse(execFileSync(PHP, ["tests/widget/e2e/wordpress.php", ...values], { encoding: "utf8" }));
describe("WordPress", { ...IN_CHROMIUM, ...needs({ "php-cli": PHP }) }, () => {
  test("the plugin puts the chat on a page, by its settings", async () => {
    const { page: html } = php(`${server.base}/`, server.keys.shop);
    assert.match(html, / async /);
    assert.match(html, /<noscript><a href="[^"]+\/chat\/pk_/);
    await answers(await visit(site.add("/wordpress", pageWith(html))));
  });

  test("without settings a page stays as it is, and nothing in them becomes markup or another scheme", () => {
    assert.equal(php("", "").page, "");
    const evil = php(`javascript:alert(1)//"><script>`, `pk_x"><script>`);
    assert.equal(evil.page, "");
    assert.deepEqual(evil.saved, { chatbot_widget_host: "", chatbot_widget_key: "" });
    assert.doesNotMatch(evil.settings, /<script/);
    assert.equal(php("https://chat.example/", " pk_a-b_C ").saved.chatbot_widget_key, "pk_a-b_C");
  });
});

/** Both show the same page: a box that takes the chat away, a count of answers. */
describe("components", IN_CHROMIUM, () => {
  for (const [name, entry] of [["React", "react/main.tsx"], ["Vue", "vue/main.js"]]) {
    test(`${name}: one chat, told of its answers; taken away without a trace; and back`, async () => {
      const script = filled(await bundled(entry)).replaceAll("</script", "<\\/script");
      const page = await visit(site.add(`/${name}`, pageWith(`<div id="root"></div><script>${script}</script>`)));
      await answers(page);
      await page.locator("#answers", { hasText: "1 answers" }).waitFor();
      assert.ok((await page.locator("chatbot-widget .launcher").boundingBox()).x < 100);
      await page.getByRole("checkbox", { name: "Chat" }).uncheck();
      await page.waitForFunction(() => !document.querySelector("chatbot-widget") && !window.ChatbotWidget);
      await page.getByRole("checkbox", { name: "Chat" }).check();
      await answers(page);
      await page.locator("#answers", { hasText: "2 answers" }).waitFor();
    });
  }

  test("the React example's types are right", () => {
    execFileSync("npx", ["tsc", "-p", "examples/tsconfig.json"], { stdio: ["ignore", "inherit", "inherit"] });
  });
});

/** The Next.js example, installed, built and started in a folder of its own. */
async function startNext() {
  const folder = mkdtempSync(join(tmpdir(), "next-"));
  cpSync("examples/next", folder, { recursive: true, filter: (path) => !/node_modules|\.next$/.test(path) });
  const env = { ...process.env, NEXT_PUBLIC_CHATBOT_HOST: server.base, NEXT_PUBLIC_CHATBOT_KEY: server.keys.shop, NEXT_TELEMETRY_DISABLED: "1" };
  const run = (...parts) => execFileSync("npm", parts, { cwd: folder, env, stdio: ["ignore", "ignore", "inherit"] });
  run("ci", "--no-audit", "--no-fund");
  run("run", "build");
  const port = await freePort();
  const child = spawn(process.execPath, ["node_modules/next/dist/bin/next", "start", "-H", "127.0.0.1", "-p", String(port)], { cwd: folder, env, stdio: "ignore" });
  const origin = `http://127.0.0.1:${port}`;
  await until(() => fetch(origin).then(({ ok }) => ok, () => false), "Next.js");
  return {
    origin,
    async stop() {
      child.kill();
      await new Promise((done) => child.once("exit", done));
      rmSync(folder, { recursive: true });
    },
  };
}

describe("Next.js", IN_CHROMIUM, () => {
  test("its sources can be bundled", async () => {
    const external = ["next/*", "react", "react/*"];
    for (const page of ["layout", "page", "more/page"]) {
      const text = await bundled(`next/app/${page}.tsx`, { format: "esm", external, jsx: "automatic" });
      assert.match(text, /export\s*\{[^}]*default/);
    }
  });

  const asked = process.env.NEXT === "1" ? {} : { skip: "NEXT=1 installs and builds it: 370 MB" };
  test("the chat stays, with its talk, from page to page", asked, async (t) => {
    const next = await startNext();
    t.after(next.stop);
    const page = await visit(next.origin);
    await answers(page);
    await page.getByRole("link", { name: "More" }).click();
    await page.getByRole("heading", { name: "More of the shop" }).waitFor();
    assert.equal(await page.locator("chatbot-widget .bot .actions").count(), 1);
    await page.getByRole("link", { name: "Home" }).click();
    await page.locator("main button").click();
    await page.waitForFunction(() => document.querySelector("chatbot-widget").shadowRoot.querySelectorAll(".bot .actions").length === 2);
    assert.equal(await chats(page), 1);
  });
});

test("what the page on embedding shows stands in the examples", () => {
  const page = readFileSync("docs/embedding.md", "utf8");
  const shown = [...page.matchAll(/`examples\/(\S+)`:\n\n```\w+\n(.*?)```/gs)];
  assert.deepEqual([...new Set(shown.map(([, path]) => path.split("/")[0]))].sort(), ["html", "next", "react", "vue"]);
  for (const [, path, text] of shown) assert.ok(readFileSync(join("examples", path), "utf8").includes(text), path);
});
