/**
 * A page without a browser, and a way to write down what stands in it.
 */
import { parseHTML } from "linkedom";
import { MarkdownRenderer, render } from "../../../static/widget/src/markdown/index.js";

export const BASE = "https://page.example/docs/";

export const { document } = parseHTML("<!doctype html><html><body></body></html>");

/** An empty element. */
export const page = () => document.createElement("main");

/** @param {string} text @param {object} [options] */
export function rendered(text, options) {
  const root = page();
  render(root, text, { baseURI: BASE, ...options });
  return root;
}

/** @param {string[]} pieces @param {object} [options] */
export function streamed(pieces, options) {
  const root = page();
  const renderer = new MarkdownRenderer(root, { baseURI: BASE, ...options });
  for (const piece of pieces) renderer.write(piece);
  renderer.end();
  return root;
}

/** @param {string} text @param {object} [options] */
export const html = (text, options) => rendered(text, options).innerHTML;

/** What a reader sees before the end. @param {string} text @param {object} [options] */
export function half(text, options) {
  const root = page();
  new MarkdownRenderer(root, { baseURI: BASE, ...options }).write(text);
  return root;
}
