/** Starts what the browsers' tests need: the chat server, a site of another origin, a browser; and stops it. */
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

const PYTHON = process.env.PYTHON ?? ".venv/bin/python";

/** The chat server. */
export async function startServer() {
  const child = spawn(PYTHON, ["-m", "tests.widget.serve"], { stdio: ["pipe", "pipe", "inherit"] });
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

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

/** A question whose answer is scripted, see ../serve.py. */
export const scripted = (told) => `@${JSON.stringify(told)}`;
