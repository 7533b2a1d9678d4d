/**
 * WebKitGTK by the W3C WebDriver protocol, as far as the tests need it, on a screen of its own that nobody sees: WebKitGTK
 * has no headless mode. Source: https://www.w3.org/TR/webdriver2/
 */
import { spawn } from "node:child_process";
import { once } from "node:events";

import { freePort, until } from "./harness.mjs";

const KEYS = { Enter: "\uE007", Control: "\uE009", Escape: "\uE00C" };
/** A driver whose browser does not start says nothing at all. */
const CALL_MS = 30_000;
/** Compositing without a GPU takes twice the time. And the X server is used even where a Wayland desktop is at hand. */
const ENV = { WEBKIT_DISABLE_COMPOSITING_MODE: "1", WEBKIT_DISABLE_DMABUF_RENDERER: "1", GDK_BACKEND: "x11" };

/** @param {{ xvfb: string, driver: string, browser: string }} programs */
export async function startWebKit({ xvfb, driver, browser }) {
  const screen = await startScreen(xvfb);
  const port = await freePort();
  const env = { ...process.env, ...ENV, DISPLAY: screen.display };
  const child = spawn(driver, [`--port=${port}`], { stdio: "inherit", env });
  const call = caller(`http://127.0.0.1:${port}`);
  await until(() => call("GET", "/status").catch(() => null), driver);
  return {
    tab: () => newTab(call, browser),
    async stop() {
      await ended(child);
      await ended(screen.child);
    },
  };
}

/** An X server that picks its own number, and tells it once it can be used. */
async function startScreen(xvfb) {
  const child = spawn(xvfb, ["-displayfd", "3", "-screen", "0", "1100x900x24", "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const [number] = await Promise.race([once(child.stdio[3], "data"), once(child, "exit")]);
  if (child.exitCode !== null) throw new Error(`${xvfb} did not start`);
  return { child, display: `:${String(number).trim()}` };
}

function ended(child) {
  const end = once(child, "exit");
  child.kill();
  return end;
}

const caller = (base) => async (method, path, body) => {
  const signal = AbortSignal.timeout(CALL_MS);
  const response = await fetch(base + path, { method, body: body && JSON.stringify(body), signal });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
  return value;
};

/** A session is a browser that begins with nothing stored. */
async function newTab(call, binary) {
  const options = { "webkitgtk:browserOptions": { binary, args: ["--automation"] } };
  const { sessionId } = await call("POST", "/session", { capabilities: { alwaysMatch: options } });
  const ask = (path, body) => call("POST", `/session/${sessionId}${path}`, body);
  const act = (type, actions, more = {}) => ask("/actions", { actions: [{ type, id: type, actions, ...more }] });
  const down = (key) => ({ type: "keyDown", value: KEYS[key] ?? key });
  const up = (key) => ({ type: "keyUp", value: KEYS[key] ?? key });
  await ask("/window/rect", { width: 1000, height: 800 });
  let isOpen = true;
  return {
    open: (url) => ask("/url", { url }),
    evaluate: (expression) => ask("/execute/sync", { script: `return ${expression}`, args: [] }),
    click: (x, y) => act("pointer", [{ type: "pointerMove", x, y }, { type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 }]),
    type: (text) => act("key", [...text].flatMap((key) => [down(key), up(key)])),
    press: (...keys) => act("key", [...keys.map(down), ...keys.reverse().map(up)]),
    async close() {
      if (isOpen) await call("DELETE", `/session/${sessionId}`);
      isOpen = false;
    },
  };
}
