/**
 * Builds the widget: `node static/widget/build.mjs [--check]`. What is built is committed, so that a server needs no
 * Node; `--check` builds too, writes nothing and fails where the committed files are others.
 *
 * js/chatbot-widget.js            the loader, short-lived in caches
 * js/<version>/chatbot-widget.js  the same for ever: a page may pin it by its integrity (js/integrity.json)
 * js/body-<hash>.js               what the loaders import; those of earlier versions stay
 * js/more-<hash>.js             what few visitors need: the body imports it when it is wanted
 * js/highlight-<hash>.js          colours for code, where a page wants them
 * js/inline-<hash>.js             the chat in an element of the page's, where one is named
 * js/consent-<hash>.js            asks for consent, where a page wants that
 * js/window-<hash>.js             the whole window for the chat, where that is small
 * js/aside-<hash>.js              the chat steps aside for what has the focus, once something of the page's has it
 * js/timing-<hash>.js             how soon a visitor saw the first words, where the server or the page wants to know
 * js/words-<lang>-<hash>.js       the words of a language
 *                                 (these have one hash, of all of them)
 * js/chatbot-widget-legacy.js     for browsers that can't read `import()`
 * js/chatbot-widget.esm.js        the npm package
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import { build, transform } from "esbuild";

import { SHORT_NAMES } from "./short_names.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const OUT = join(HERE, "js");
const HASHED = /^[a-z-]+-[0-9a-f]{12}\.js$/;

/** The rules of a style sheet without what only a reader needs. @type {import("esbuild").Plugin} */
const smallRules = {
  name: "rules",
  setup: (made) => made.onLoad({ filter: /[\\/]rules\.js$/ }, async ({ path }) => {
    const { RULES } = await import(pathToFileURL(path).href);
    const { code } = await transform(RULES, { loader: "css", minify: true, target: ["chrome107", "safari16.4"] });
    return { contents: `export const RULES = ${JSON.stringify(code.trim())}` };
  }),
};

/** @param {string} entry @param {import("esbuild").BuildOptions} options */
async function bundle(entry, options) {
  const made = await build({
    entryPoints: [join(HERE, "src", entry)], bundle: true, write: false, legalComments: "none", charset: "utf8",
    logLevel: "warning", ...options,
  });
  return made.outputFiles[0].text;
}

/**
 * @param {string} entry @param {boolean} minify @param {Record<string, string>} [define]
 * @param {import("esbuild").BuildOptions} [more]
 */
const modern = (entry, minify, define = {}, { plugins = [], ...more } = {}) =>
  bundle(entry, { format: "esm", target: "es2022", minify, define, plugins: [smallRules, ...plugins], ...more });

/** A part of what the tag loads: all of them have the same short names. @type {typeof modern} */
const part = (entry, minify, define, more) =>
  modern(entry, minify, define, minify ? { ...more, mangleProps: new RegExp(`^(${Object.keys(SHORT_NAMES).join("|")})$`), mangleCache: { ...SHORT_NAMES } } : more);

/** Where what is imported is a file of its own. @param {Record<string, string>} files by what is imported @returns {import("esbuild").Plugin} */
const apart = (files) => ({
  name: "apart",
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ path, kind }) => (kind === "dynamic-import" && files[path] ? { path: `./${files[path]}`, external: true } : null));
  },
});

/** @param {boolean} minify @param {Record<string, string>} built */
function loader(minify, built) {
  const supported = { "dynamic-import": true };
  const define = { BUILT: JSON.stringify(built) };
  return bundle("loader.js", { format: "iife", target: "es5", supported, define, minify });
}

/** @param {string} text @param {string} kind */
const digest = (text, kind) => createHash(kind).update(text);
/** @param {string} text */
const integrityOf = (text) => `sha384-${digest(text, "sha384").digest("base64")}`;

/** @param {string} name @param {string} text */
const hashed = (name, text) => `${name}-${digest(text, "sha256").digest("hex").slice(0, 12)}.js`;

/** @returns {string} */
function version() {
  const source = readFileSync(join(HERE, "../../chatbot/__init__.py"), "utf8");
  return /__version__ = "(.+)"/.exec(source)?.[1] ?? "";
}

/** Whether the changes name this version as one that is out. */
const isReleased = () => !readFileSync(join(HERE, "../../CHANGELOG.md"), "utf8").includes(`## ${version()}, not released`);

/** What the body imports only where it is wanted, and what it has to know of them. */
async function extras() {
  const languages = readdirSync(join(HERE, "src/locales")).map((file) => file.replace(".js", ""));
  // English first: it is the one that is there without a file.
  languages.sort((a, b) => Number(b === "en") - Number(a === "en") || a.localeCompare(b));
  const entries = [["consent", "extras/consent.js"], ["inline", "extras/inline.js"], ["window", "extras/window.js"], ["aside", "extras/aside.js"], ["timing", "extras/timing.js"], ...languages.map((name) => [`words-${name}`, `locales/${name}.js`])];
  const texts = await Promise.all(entries.map(([, entry]) => part(entry, true)));
  // One digest for all: each of its own would cost the body more than a word.
  const all = digest(texts.join(), "sha256").digest("hex").slice(0, 12);
  const colours = await modern("extras/highlight.js", true);
  const highlight = hashed("highlight", colours);
  const known = { HIGHLIGHT: highlight, EXTRAS: all, LANGUAGES: languages.join(" ") };
  const define = Object.fromEntries(Object.entries(known).map(([name, value]) => [name, JSON.stringify(value)]));
  /** @type {Map<string, string>} */
  const files = new Map([[highlight, colours]]);
  entries.forEach(([name], n) => files.set(`${name}-${all}.js`, texts[n]));
  return { files, define };
}

/** What is built: by path under js/. @returns {Promise<{ files: Map<string, string>, sizes: string }>} */
async function all() {
  const { files: wanted, define } = await extras();
  const more = await part("more/index.js", true, define);
  const rest = hashed("more", more);
  const plugins = [apart({ "./more/index.js": rest })];
  const small = await part("body.js", true, define, { plugins });
  const name = hashed("body", small);
  const built = { BODY_FILE: `./${name}`, BODY_INTEGRITY: integrityOf(small) };
  const loaded = await loader(true, built);
  const pinned = `${version()}/chatbot-widget.js`;
  const files = new Map([
    ["chatbot-widget.js", loaded],
    [pinned, loaded],
    [name, small],
    [rest, more],
    ...wanted,
    ["chatbot-widget-legacy.js", await bundle("legacy.js", { format: "iife", target: "es5", minify: true })],
    ["chatbot-widget.esm.js", await modern("index.js", true, define)],
    ["integrity.json", `${JSON.stringify({ ...JSON.parse(committed("integrity.json") ?? "{}"), [pinned]: integrityOf(loaded) }, null, 2)}\n`],
  ]);
  const rows = [["loader", await loader(false, built), loaded], ["body", await modern("body.js", false, define, { plugins }), small], ["more", await modern("more/index.js", false, define), more]];
  return { files, sizes: table(/** @type {Array<[string, string, string]>} */ (rows)) };
}

/** @param {string} text */
const zipped = (text) => gzipSync(text, { level: 9 }).length;

/** @param {Array<[string, string, string]>} rows name, raw, minified */
function table(rows) {
  const lines = rows.map(([name, raw, small]) => [name, Buffer.byteLength(raw), Buffer.byteLength(small), zipped(small)]);
  const sums = [1, 2, 3].map((column) => lines.reduce((sum, line) => sum + Number(line[column]), 0));
  const shown = [["bytes", "raw", "minified", "gzip"], ...lines, ["all", ...sums]];
  return shown.map((line) => line.map((cell, n) => (n ? String(cell).padStart(10) : String(cell).padEnd(8))).join("")).join("\n");
}

/** @param {string} path */
function committed(path) {
  try {
    return readFileSync(join(OUT, path), "utf8");
  } catch {
    return null;
  }
}

/** Its hash and what follows, as those have it who ask for it. @param {string} name */
const hashOf = (name) => name.slice(name.lastIndexOf("-"));

/** Bodies and their extras that nothing asks for any more. @param {Map<string, string>} files */
function orphans(files) {
  const others = readdirSync(OUT, { recursive: true }).map(String).filter((name) => name.endsWith(".js") && !files.has(name));
  const wanted = new Set(files.keys());
  const ask = (/** @type {string} */ text) => others.filter((name) => HASHED.test(name) && text.includes(hashOf(name))).forEach((name) => {
    if (wanted.has(name)) return;
    wanted.add(name);
    ask(committed(name) ?? "");
  });
  others.filter((name) => name.endsWith("chatbot-widget.js")).forEach((name) => ask(committed(name) ?? ""));
  return others.filter((name) => HASHED.test(name) && !wanted.has(name));
}

/** @param {Map<string, string>} files */
function write(files) {
  for (const [path, text] of files) {
    if (committed(path) === text) continue;
    mkdirSync(dirname(join(OUT, path)), { recursive: true });
    // At once: a server that runs must not read half of it.
    writeFileSync(join(OUT, `${path}.new`), text);
    renameSync(join(OUT, `${path}.new`), join(OUT, path));
  }
  for (const name of orphans(files)) rmSync(join(OUT, name));
}

const { files, sizes } = await all();
const pinned = `${version()}/chatbot-widget.js`;
if (isReleased() && committed(pinned) !== files.get(pinned)) {
  console.error(`${version()} is released, and pages have pinned it: raise __version__ in chatbot/__init__.py first.`);
  process.exit(1);
}
if (process.argv.includes("--check")) {
  const stale = [...files].filter(([path, text]) => committed(path) !== text).map(([path]) => path);
  if (stale.length) {
    console.error(`Built from other sources: ${stale.join(", ")}. Run \`make widget\`, and commit what it writes.`);
    process.exit(1);
  }
} else {
  write(files);
}
console.log(sizes);
