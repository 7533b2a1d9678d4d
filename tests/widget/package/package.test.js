/** What is shipped: its sizes, its syntax, what it never does, and the package for those who build their own scripts. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { parse } from "acorn";

const JS = "static/widget/js";
const read = (name) => readFileSync(join(JS, name), "utf8");
const body = () => read(readdirSync(JS).find((name) => name.startsWith("body-")));
const zipped = (text) => gzipSync(text, { level: 9 }).length;
const run = (command, ...parts) => execFileSync(command, parts, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

test("what is committed is built from these sources", () => {
  assert.match(run("node", "static/widget/build.mjs", "--check"), /gzip/);
});

/** A copy of the widget with a text changed; what its build says. */
function changed(changelog, ...options) {
  const folder = mkdtempSync(join(tmpdir(), "widget-"));
  cpSync("static/widget", join(folder, "static/widget"), { recursive: true });
  mkdirSync(join(folder, "chatbot"));
  cpSync("chatbot/__init__.py", join(folder, "chatbot/__init__.py"));
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  writeFileSync(join(folder, "CHANGELOG.md"), changelog);
  const source = join(folder, "static/widget/src/words.js");
  writeFileSync(source, readFileSync(source, "utf8").replace("Close chat", "Close the chat"));
  try {
    return run("node", join(folder, "static/widget/build.mjs"), ...options);
  } catch (error) {
    return error.stderr;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const { version } = JSON.parse(readFileSync("static/widget/package.json", "utf8"));

test("the check says when it is not", () => {
  assert.match(changed(`## ${version}, not released`, "--check"), /Built from other sources: .*body-.*make widget/s);
});

test("a version that is out is never built anew", () => {
  assert.match(changed(`## ${version}, not released`), /gzip/);
  assert.match(changed(`## ${version}, 2026-12-01`), /is released/);
});

test("the tag loads at most 3 KiB, all together 25 KiB, compressed", () => {
  const loader = zipped(read("chatbot-widget.js"));
  assert.ok(loader <= 3 * 1024, `${loader}`);
  assert.ok(loader + zipped(body()) <= 25 * 1024, `${loader + zipped(body())}`);
  const MOST = { more: 8, consent: 2.5, inline: 1, window: 1.5, aside: 0.7, timing: 1, "words-ar": 4, "words-en": 2.2, "words-it": 3.5, "words-ja": 3.5 };
  const apart = readdirSync(JS).map((name) => /^(.*)-[0-9a-f]{12}\.js$/.exec(name)).filter((found) => found && !/^(body|highlight)$/.test(found[1]));
  assert.deepEqual(apart.map(([, name]) => name).sort(), Object.keys(MOST).sort());
  for (const [file, name] of apart) assert.ok(zipped(read(file)) <= MOST[name] * 1024, `${file}: ${zipped(read(file))}`);
});

test("the loader is ES5 but for its import(), the legacy script all of it", () => {
  const loader = read("chatbot-widget.js");
  assert.equal(loader.split("import(").length, 2);
  parse(loader.replace("import(", "load("), { ecmaVersion: 5 });
  parse(read("chatbot-widget-legacy.js"), { ecmaVersion: 5 });
});

test("nothing that is shipped reads a text as markup or as code, or names another server", () => {
  const later = readdirSync(JS).filter((name) => /^(words|consent)-/.test(name));
  assert.ok(later.length > 4);
  for (const text of [read("chatbot-widget.js"), read("chatbot-widget.esm.js"), body(), ...later.map(read)]) {
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\(|new Function|srcdoc/);
    assert.doesNotMatch(text, /setAttribute\(["']style|\.cookie\b|customElements/);
    const hosts = [...text.matchAll(/https?:\/\/([\w.-]+)/g)].map(([, host]) => host);
    assert.deepEqual([...new Set(hosts)].filter((host) => host !== "www.w3.org"), []);
  }
});

test("the package can be imported without a window, and its types be used", () => {
  const folder = mkdtempSync(join(tmpdir(), "package-"));
  run("make", "-s", "widget");
  const [file] = readdirSync("dist").filter((name) => name.startsWith("chatbot-widget-") && name.endsWith(".tgz"));
  mkdirSync(join(folder, "node_modules/chatbot-widget"), { recursive: true });
  run("tar", "xzf", join("dist", file), "-C", join(folder, "node_modules/chatbot-widget"), "--strip-components=1");
  writeFileSync(join(folder, "use.mjs"), 'import { ChatAPI, ChatError, ChatbotWidget } from "chatbot-widget"; console.log(typeof new ChatAPI({ key: "pk_x" }).sendMessage, ChatbotWidget.current, ChatError.name.length > 0);');
  assert.equal(run("node", join(folder, "use.mjs")).trim(), "function null true");
  writeFileSync(join(folder, "use.ts"), `import { ChatAPI, ChatbotWidget, italian } from "chatbot-widget";
    const chat: ChatbotWidget = ChatbotWidget.init({ key: "pk_x", host: "https://chat.example", position: "left", lang: "it", words: { ...italian, send: "Chiedi" } });
    // @ts-expect-error: a word is a text
    ChatbotWidget.init({ words: { send: 1 } });
    chat.on("answer", ({ text, citations }) => text.length + citations.length);
    new ChatAPI({ key: "pk_x" }).sendMessage([{ role: "user", content: "x" }], { onChunk: (delta, all) => delta.length + all.length }).then((r) => r.choices[0].message.content);
    // @ts-expect-error: there is no such event
    chat.on("nothing", () => {});`);
  run("npx", "tsc", "--ignoreConfig", "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom", join(folder, "use.ts"));
  rmSync(folder, { recursive: true });
});

test("the package has this project's version", () => {
  assert.match(readFileSync("chatbot/__init__.py", "utf8"), new RegExp(`"${version}"`));
});

test("no short name stands for a name that others use", async () => {
  const { SHORT_NAMES } = await import("../../../static/widget/short_names.mjs");
  const { MORE_WORDS, WORDS } = await import("../../../static/widget/src/words.js");
  const sources = readdirSync("static/widget/src", { recursive: true }).map(String).filter((name) => name.endsWith(".js"));
  const text = sources.map((name) => readFileSync(join("static/widget/src", name), "utf8")).join("\n");
  const typed = ["types.d.ts", "ui.d.ts"].map((name) => readFileSync(join("static/widget/src", name), "utf8")).join("\n");
  const words = { ...MORE_WORDS, ...WORDS, ...WORDS.failures };
  const others = new Set([
    ...Object.keys(words),
    ...[...Object.values(words).join(" ").matchAll(/\{(\w+)/g)].map(([, name]) => name),
    ...[...typed.matchAll(/^ +(\w+)\??[:(]/gm)].map(([, name]) => name).filter((name) => !["mounted", "end"].includes(name)),
    ...[...text.matchAll(/(?:more|extra)\.(\w+)\(|export \{ ([\w, ]+) \} from/g)].flatMap(([, one, all]) => (one ? [one] : all.split(", "))),
    ...[...text.matchAll(/const \{ (\w+) \} = await (?:import|extra)/g)].map(([, name]) => name),
  ]);
  assert.deepEqual(Object.keys(SHORT_NAMES).filter((name) => others.has(name)), []);
});
