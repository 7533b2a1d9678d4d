/**
 * What the renderer adds to the widget, minified and compressed. Run by itself it prints the number.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

const MOST = 8.5 * 1024;

test("the renderer is small", (t) => {
  const entry = fileURLToPath(new URL("../../../static/widget/src/markdown/index.js", import.meta.url));
  const { outputFiles } = buildSync({ entryPoints: [entry], bundle: true, minify: true, format: "esm", target: "es2022", write: false });
  const size = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  t.diagnostic(`${outputFiles[0].contents.length} bytes minified, ${size} compressed; at most ${MOST}`);
  assert.ok(size <= MOST);
});
