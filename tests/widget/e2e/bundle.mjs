/** Builds the examples that a bundler builds, with the widget's package as it is in this tree. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { build } from "esbuild";

/** What @vitejs/plugin-vue does of a component, as far as the example needs it. */
const vue = {
  name: "vue",
  setup(bundler) {
    bundler.onLoad({ filter: /\.vue$/ }, async ({ path }) => {
      const { compileScript, parse } = await import("vue/compiler-sfc");
      const { descriptor } = parse(await readFile(path, "utf8"), { filename: path });
      return { contents: compileScript(descriptor, { id: path, inlineTemplate: true }).content, loader: "js" };
    });
  },
};

/** @param {string} entry in examples/ @param {import("esbuild").BuildOptions} [options] */
export async function bundled(entry, options) {
  const made = await build({
    entryPoints: [resolve("examples", entry)], bundle: true, write: false, format: "iife", jsx: "automatic", plugins: [vue],
    alias: { "chatbot-widget": resolve("static/widget/js/chatbot-widget.esm.js") },
    // A development build: there React mounts everything twice.
    define: { "process.env.NODE_ENV": '"development"', __VUE_OPTIONS_API__: "false", __VUE_PROD_DEVTOOLS__: "false", __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false" },
    logLevel: "warning", ...options,
  });
  return made.outputFiles[0].text;
}
