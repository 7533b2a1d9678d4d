/** Starts what the browsers' tests need: the chat server, a site of another origin, a browser; and stops it. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { chromium } from "playwright-core";

const PYTHON = process.env.PYTHON ?? ".venv/bin/python";

/** The chat server. @param {Record<string, string>} [environ] settings of its own */
export async function startServer(environ = {}) {
  const child = spawn(PYTHON, ["-m", "tests.widget.serve"], { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...environ } });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const told = JSON.parse((await lines.next()).value);
  return {
    ...told,
    /** How often each scripted question was asked of the provider. */
    async seen() {
      child.stdin.write("seen\n");
      return JSON.parse((await lines.next()).value);
    },
    async stop() {
      child.stdin.end();
      await new Promise((done) => child.once("exit", done));
    },
  };
}

/**
 * A port for a server that a test starts: below those that the kernel gives to clients and those of the Python tests, and begun with by the number of
 * this process, since others look for one at the same moment.
 */
export async function freePort() {
  for (let tried = 0; ; tried++) {
    const port = 5000 + ((process.pid * 17 + 257 * taken++) % 7000);
    const probe = createServer().listen(port, "127.0.0.1");
    const isFree = await new Promise((done) => probe.once("listening", () => done(true)).once("error", () => done(false)));
    await new Promise((done) => probe.close(done));
    if (isFree) return port;
    if (tried > 100) throw new Error("no port is free");
  }
}
let taken = 0;

/** A site: pages by path, each a text, or {html, headers}. */
export async function startSite() {
  const pages = new Map();
  const server = createServer((request, response) => {
    const page = pages.get(new URL(request.url, "http://x").pathname);
    if (page === undefined) return response.writeHead(404).end();
    const { html = page, headers = {} } = page;
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", ...headers }).end(html);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    /** @returns the page's address */
    add(path, page) {
      pages.set(path, page);
      return origin + path;
    },
    stop: () => server.close() && server.closeAllConnections(),
  };
}

/** The tag as an owner pastes it. */
export const tag = ({ base, keys }, more = "", key = keys.shop) =>
  `<script src="${base}/static/widget/js/chatbot-widget.js" data-key="${key}" ${more} async></script>`;

/** An ordinary page around it. */
export const pageWith = (inside, head = "") =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">${head}</head>
<body><h1>A shop</h1><p>Tea of all kinds.</p><a href="#x">A link</a> <input id="search" aria-label="Search">${inside}</body></html>`;

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
/**
 * A page for the address bar's suggestions in each window, and a process in store for each page, were half of the CPU. Of two such switches the
 * last one counts: the rest are those of Playwright 1.65 for Chromium.
 */
const WITHOUT = [
  "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess",
  "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter",
  "PaintHolding", "ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled",
  "PreconnectToSearch",
];
/** @param {string[]} flags */
export const launch = (...flags) =>
  chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", `--disable-features=${WITHOUT}`, ...flags] });

/** A question whose answer is scripted, see ../serve.py. */
export const scripted = (told) => `@${JSON.stringify(told)}`;

/**
 * Options of tests that need programs: where one is missing they are skipped, unless ALL_ENGINES=1 says that none may be.
 * @param {Record<string, string>} programs their paths, by the Debian package
 */
export function needs(programs) {
  const missing = Object.entries(programs).filter(([, path]) => !existsSync(path)).map(([name, path]) => `${name} (${path})`);
  if (!missing.length) return {};
  const reason = `not installed: ${missing.join(", ")}`;
  if (process.env.ALL_ENGINES === "1") throw new Error(reason);
  return { skip: reason };
}

const PATIENCE_MS = 15_000;

/** What `look` finds, once it finds something. @param {() => unknown} look @param {string} what */
export async function until(look, what) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await pause(30)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`);
}

/** In the page: keep in `states` each text that the answer to the first question is seen with. */
export const noteStates = () => {
  window.states = [];
  const transcript = document.querySelector("chatbot-widget").shadowRoot.querySelector(".transcript");
  const note = () => {
    const text = transcript.querySelector(".user ~ .bot .message-content")?.textContent;
    if (text && text !== states.at(-1)) states.push(text);
  };
  new MutationObserver(note).observe(transcript, { childList: true, characterData: true, subtree: true });
};

/**
 * Start server, site and browser before the tests around, and stop after them whatever was started.
 * @param {() => Promise<{ stop?: Function, close?: Function }>} start the browser's @param {Function} given is told all three
 */
export function surrounded(start, given) {
  let starting = [];
  before(async () => {
    starting = [startServer(), startSite(), start()];
    given(...(await Promise.all(starting)));
  });
  after(async () => {
    for (const { value } of await Promise.allSettled(starting)) await (value?.stop ?? value?.close)?.call(value);
  });
}

/** Options of the tests in Chromium. */
export const IN_CHROMIUM = needs({ chromium: CHROMIUM });

/** The same for a file of them. @param {Function} given */
export function inChromium(given) {
  if (!IN_CHROMIUM.skip) surrounded(launch, given);
}
