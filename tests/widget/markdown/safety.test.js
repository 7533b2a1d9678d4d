/**
 * What a model writes runs nothing, loads nothing and leads nowhere unseen.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { answer, POISON } from "./corpus.js";
import { MarkdownRenderer } from "../../../static/widget/src/markdown/index.js";
import { BASE, html, page, rendered, streamed } from "./page.js";

const WRAPS = [
  (url) => `![a](${url})`, (url) => `![a](<${url}>)`, (url) => `[a](${url})`, (url) => `[a](<${url}> "t")`, (url) => `<${url}>`, (url) => url, (url) => `[a]: <${url}>\n\n[a] ![a]`, (url) => `[![a](<${url}>)](<${url}>)`,
  (url) => `| a |\n|---|\n| ![a](<${url}>) |`, (url) => `# ![a](<${url}>)`, (url) => `![a](<${url}>)\n===`, (url) => `> - **![a](<${url}>)**`, (url) => `![a][b]\n\n[b]: <${url}>\n\n![a][b]`,
  (url) => `<img src="${url}" onerror="alert(1)">`, (url) => `<a href='${url}'>a</a>`, (url) => `<svg><use href="${url}"/></svg>`, (url) => `<style>@import "${url}"</style>`, (url) => `\`\`\`${url}\n${url}`, (url) => `1[](${url})`,
];
const LOADING = ["src", "srcset", "poster", "background", "data", "style", "action", "formaction", "ping", "srcdoc", "xlink:href", "manifest", "cite", "longdesc"];
const ELEMENTS = /^(main|p|h[1-6]|ul|ol|li|blockquote|pre|code|hr|br|em|strong|del|a|span|div|button|table|thead|tbody|tr|th|td|input)$/;
const ATTRIBUTES = /^(dir|lang|class|href|title|rel|target|type|tabindex|start|disabled|checked|aria-label)$/;

const hostile = POISON.flatMap((url) => WRAPS.map((wrap) => wrap(url)));

/** @param {Element} root */
function judge(root) {
  for (const node of [root, ...root.querySelectorAll("*")]) {
    assert.match(node.localName, ELEMENTS);
    for (const name of node.getAttributeNames()) assert.match(name, ATTRIBUTES);
    for (const name of LOADING) assert.ok(!node.hasAttribute(name));
    if (node.hasAttribute("href")) assert.match(new URL(node.getAttribute("href")).protocol, /^(https?|mailto):$/);
  }
}

test("hostile addresses load nothing and run nothing, at any time", () => {
  for (const text of hostile) {
    judge(rendered(text));
    judge(streamed(text.split("")));
  }
});

test("a press on an image loads it and nothing else, and only from http", () => {
  for (const text of hostile) {
    const root = rendered(text);
    for (const button of root.querySelectorAll("button")) button.click();
    for (const image of root.querySelectorAll("img")) {
      assert.match(image.getAttribute("src"), /^https?:\/\//);
      assert.equal(image.getAttribute("referrerpolicy"), "no-referrer");
    }
  }
});

test("other addresses leave only their text", () => {
  for (const url of POISON.filter((url) => /script|^data|^vb|^blob|^file/i.test(url) && !url.includes("&colon;"))) assert.equal(rendered(`[words](<${url}>)`).querySelector("a"), null, url);
  assert.equal(html("[words](javascript:alert(1))"), '<p dir="auto">words</p>');
  assert.equal(rendered("<javascript:alert(1)>").textContent, "<javascript:alert(1)>");
});

test("a link opens by itself, tells no referrer and shows its host", () => {
  const link = rendered("[my bank](https://user@evil.example/x)").querySelector("a");
  assert.equal(link.getAttribute("rel"), "noopener noreferrer nofollow");
  assert.equal(link.getAttribute("target"), "_blank");
  assert.equal(link.querySelector(".host").textContent, "evil.example");
});

test("a mark that turns the direction does not turn the host", () => {
  assert.equal(rendered("[a\u202eb](https://evil.example)").querySelector(".host").getAttribute("dir"), "ltr");
});

const HOSTS = {
  "[x](https://a.example)": "a.example", "[a.example](https://a.example/b)": "", "[https://a.example/b](https://a.example/b)": "", "[https://a.example.evil.example](https://a.example)": "a.example",
  "[a.example@evil](https://a.example)": "a.example", "[https://bank.example](https://evil.example)": "evil.example", "[https://evil.example@bank.example](https://bank.example)": "bank.example",
  "[here](/docs)": "", "[here](https://page.example/x)": "", "https://a.example/b": "", "[рaypal.example](https://рaypal.example)": "xn--aypal-uye.example", "[x](//a.example:8080)": "a.example:8080",
  "[write](mailto:a@b.example)": "a@b.example", "a@b.example": "", "[x](https:/\\a.example)": "", "[A.Example](https://a.example)": "",
};

test("the real host is there to see", () => {
  const found = Object.keys(HOSTS).map((text) => [text, rendered(text).querySelector("a .host")?.textContent ?? ""]);
  assert.deepEqual(Object.fromEntries(found), HOSTS);
});

test("an image is a button that names it and its host, and in a link does not follow it", () => {
  const root = rendered("[![a *cat*](https://img.example/c.png \"big\")](https://a.example)");
  const button = root.querySelector("a button.image");
  assert.equal(button.getAttribute("type"), "button");
  assert.equal(button.textContent, "Image: a cat (img.example)");
  const event = new root.ownerDocument.defaultView.Event("click", { bubbles: true, cancelable: true });
  button.dispatchEvent(event);
  assert.ok(event.defaultPrevented);
  assert.equal(root.querySelector("img").getAttribute("title"), "big");
});

test("an image that was loaded stays while its paragraph goes on", () => {
  const root = page();
  const renderer = new MarkdownRenderer(root, { baseURI: BASE });
  renderer.write("*x ![a](https://b.example/c.png) d");
  root.querySelector("button").click();
  const image = root.querySelector("img");
  for (const piece of [" e", "* f", " g"]) renderer.write(piece);
  renderer.end();
  assert.equal(root.querySelector("em img"), image);
  assert.equal(root.textContent, "x  d e f g");
});

test("HTML is text", () => {
  const source = '<script>alert(1)</script> <b onclick="x">y</b> <!-- z -->';
  assert.equal(rendered(source).textContent, source);
  assert.equal(html("a<br>b<BR/>c"), '<p dir="auto">a<br>b<br>c</p>');
});

test("the source has no way to HTML, styles or handlers, and needs no page to be imported", () => {
  const folder = new URL("../../../static/widget/src/markdown/", import.meta.url);
  for (const name of readdirSync(folder)) {
    const source = readFileSync(new URL(name, folder), "utf8").replace(/\/\*[^]*?\*\//g, "");
    assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|DOMParser|setHTML|document\.write|cssText|\.style\b|"style"|"on\w+"|\beval\b|new Function|createContextualFragment|\bwindow\b|globalThis\.(?!Text)|localStorage|fetch\(/, name);
  }
});

test("an answer has only known elements and attributes", () => judge(rendered(answer(8000))));
