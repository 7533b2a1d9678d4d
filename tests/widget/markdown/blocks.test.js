/**
 * GFM's blocks, code with its head, directions, languages and sources.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MarkdownRenderer } from "../../../static/widget/src/markdown/index.js";
import { languageOf } from "../../../static/widget/src/markdown/language.js";
import { document, html, page, rendered, streamed } from "./page.js";

/** Without what other tests are about. @param {string} text @param {object} [options] */
const bare = (text, options) => html(text, options).replace(/ (dir|rel|target)="[^"]*"/g, "");

test("a table has a head, columns stand as they are told, rows are as long as the head", () => {
  assert.equal(
    bare("| a | b | c |\n|:--|:-:|--:|\n| 1 \\| 2 | `x` |\n| 3 | 4 | 5 | 6 |\nseven\n\nafter"),
    '<table><thead><tr><th class="left">a</th><th class="center">b</th><th class="right">c</th></tr></thead><tbody>' +
      '<tr><td class="left">1 | 2</td><td class="center"><code>x</code></td><td class="right"></td></tr>' +
      '<tr><td class="left">3</td><td class="center">4</td><td class="right">5</td></tr>' +
      '<tr><td class="left">seven</td><td class="center"></td><td class="right"></td></tr></tbody></table><p>after</p>',
  );
});

test("a table may follow a line of text, and need no outer pipes", () => {
  assert.equal(bare("Here:\n| a |\n|---|\n| b |"), "<p>Here:</p><table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td></tr></tbody></table>");
  assert.equal(bare("a | b\n--|--\nc | d"), "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>c</td><td>d</td></tr></tbody></table>");
});

test("white space around a rule under a head counts for nothing", () => {
  assert.match(bare("| a | b |\n| --- | :-: |\n| c | d |"), /<th>a<\/th><th class="center">b<\/th>.*<td>c<\/td><td class="center">d<\/td>/);
});

test("what only looks like a table is text", () => {
  assert.equal(bare("| a | b |\n|---|\n"), "<p>| a | b |\n|---|</p>");
  assert.equal(bare("| a |\nb"), "<p>| a |\nb</p>");
  assert.equal(bare("a | b"), "<p>a | b</p>");
});

test("a table ends where another block begins", () => {
  assert.match(bare("| a |\n|---|\n| b |\n> c"), /<\/table><blockquote><p>c<\/p><\/blockquote>$/);
  assert.match(bare("- | a |\n  |---|\n  | b |\n- c"), /^<ul><li><table>.*<\/table><\/li><li><p>c<\/p><\/li><\/ul>$/);
});

test("tasks are boxes that can't be changed", () => {
  assert.equal(
    bare("- [x] a\n- [ ] *b*\n- [y] c\n- [ ]"),
    '<ul><li class="task"><input aria-label="Done" checked disabled type="checkbox"><p>a</p></li><li class="task"><input aria-label="To do" disabled type="checkbox"><p><em>b</em></p></li><li><p>[y] c</p></li><li><p>[ ]</p></li></ul>',
  );
});

test("two tildes strike through, one does not", () => {
  assert.equal(bare("~~a *b*~~ ~c~ ~~~d~~~ 20~25 e~~f~~g"), "<p><del>a <em>b</em></del> ~c~ ~~~d~~~ 20~25 e<del>f</del>g</p>");
});

const LINKS = {
  "www.a.example/b?c=d.": "http://www.a.example/b?c=d", "(https://a.example/b_(c)).": "https://a.example/b_(c)", "HTTPS://A.example": "https://a.example/", "see http://localhost:3000, ok": "http://localhost:3000/",
  "b.c+d@e.example": "mailto:b.c+d@e.example", "詳細はhttps://a.example/をご覧": "https://a.example/", "**https://a.example/b**": "https://a.example/b", "https://a.example/a_b_c": "https://a.example/a_b_c", "<b@c.example>": "mailto:b@c.example", "a@b": undefined, "xhttps://a": undefined, "www.": undefined, "https://": undefined,
};

test("addresses in the text are links", () => {
  const found = Object.keys(LINKS).map((text) => [text, rendered(text).querySelector("a")?.getAttribute("href")]);
  assert.deepEqual(Object.fromEntries(found), LINKS);
});

const CJK = {
  "**「重要」**です": "<strong>「重要」</strong>です", "これは**重要。**です": "これは<strong>重要。</strong>です", "**한국어(韓國語)**는": "<strong>한국어(韓國語)</strong>는", "这是**“引号”**的": "这是<strong>“引号”</strong>的",
  "_a_b": "_a_b", "日本*語*の": "日本<em>語</em>の", "~~旧：~~新": "<del>旧：</del>新", "**[リンク](https://a.example/)**を": null,
};

test("emphasis works beside Japanese, Chinese and Korean marks", () => {
  for (const [text, expected] of Object.entries(CJK)) if (expected) assert.equal(bare(text, { lang: languageOf(text) }), `<p>${expected}</p>`);
  assert.equal(rendered("**[リンク](https://a.example/)**を").querySelector("strong a").getAttribute("href"), "https://a.example/");
});

test("a code block has a head, a box to scroll and all of its text", () => {
  assert.equal(
    html("```js title\nlet a;\n\n```"),
    '<div class="code"><div class="head"><span class="language">js</span></div><pre tabindex="0" dir="ltr"><code class="language-js">let a;\n\n</code></pre></div>',
  );
});

test("the copy button is there from the start, stays, and gives all there is to see", () => {
  const root = page();
  const texts = [];
  const copy = (getText) => (texts.push(getText), document.createElement("button"));
  const renderer = new MarkdownRenderer(root, { copy });
  renderer.write("```\n");
  const button = root.querySelector(".head button");
  renderer.write("one\ntw");
  assert.equal(texts[0](), "one\ntw");
  renderer.write("o\nlast");
  renderer.end();
  assert.equal(texts[0](), "one\ntwo\nlast\n");
  assert.equal(root.querySelector(".head button"), button);
  assert.equal(texts.length, 1);
});

test("each block has its own direction, code has always left to right", () => {
  const root = rendered("# a\n\nb `c`\n\n- d\n\n> e\n\n| f |\n|---|\n| g |\n\n```\nh\n```");
  for (const node of root.querySelectorAll(":not(li, blockquote) > p, h1, li, blockquote, th, td")) assert.equal(node.getAttribute("dir"), "auto");
  // `auto` of a container looks past those that have a direction of their own: its mark would stand on the wrong side.
  for (const node of root.querySelectorAll("li > p, blockquote > p")) assert.equal(node.getAttribute("dir"), null);
  for (const node of root.querySelectorAll("p code, pre")) assert.equal(node.getAttribute("dir"), "ltr");
});

const LANGUAGES = {
  "日本語の文章です": "ja", "カタカナ": "ja", "안녕하세요 여러분": "ko", "这是一句话。": "zh", "مرحبا بالعالم": "ar", "שלום עולם": "he", "สวัสดีครับ": "th", "Γειά σου": "el", "Привет, мир": "ru", "Plain words": null, "Words with 日本 in": null, "Grüße und Küsse": null, "数字は12です": "ja", "2 + 2": null,
};

test("a block in another script tells its language", () => {
  const found = Object.keys(LANGUAGES).map((text) => [text, rendered(text).firstChild.getAttribute("lang")]);
  assert.deepEqual(Object.fromEntries(found), LANGUAGES);
  assert.equal(rendered("日本語です", { lang: "ja" }).firstChild.getAttribute("lang"), null);
  assert.equal(rendered("日本語です\n===").firstChild.getAttribute("lang"), "ja");
});

/** @param {number} n */
const citation = (n) => (n > 4 ? null : Object.assign(document.createElement("sup"), { textContent: String(n) }));
const SOURCES = {
  "a [1].": "a <sup>1</sup>.", "a[2, 3]": "a<sup>2</sup><sup>3</sup>", "a [1][2]": "a <sup>1</sup><sup>2</sup>", "a 【1】b【2†source】": "a <sup>1</sup>b<sup>2</sup>", "a [9]": "a [9]", "a [1, 9]": "a <sup>1</sup>[9]",
  "`[1]`": "<code>[1]</code>", "**a [1]**": "<strong>a <sup>1</sup></strong>", "[1a]": "[1a]", "\\[1]": "[1]", "[[1]]": "[<sup>1</sup>]", "![1]": "![1]", "【9】": "【9】", "[x][1]": "[x]<sup>1</sup>",
};

test("numbers of sources become what stands for them", () => {
  const found = Object.keys(SOURCES).map((text) => [text, bare(text, { citation }).replace(/^<p>|<\/p>$/g, "")]);
  assert.deepEqual(Object.fromEntries(found), SOURCES);
  assert.equal(bare("[1]"), "<p>[1]</p>");
});

test("a number with an address is a link, and so is one that is defined", () => {
  assert.equal(rendered("[1](https://a.example)", { citation }).querySelector("a").getAttribute("href"), "https://a.example/");
  assert.equal(rendered("[1]: https://a.example\n\n[1]", { citation }).querySelector("a").getAttribute("href"), "https://a.example/");
});

test("a source's node stays the same while its paragraph grows", () => {
  const root = page();
  const renderer = new MarkdownRenderer(root, { citation });
  renderer.write("**a [1] b");
  const node = root.querySelector("sup");
  for (const piece of [" c", " d", "** e ", "[1] "]) renderer.write(piece);
  assert.equal(root.querySelector("sup"), node);
  assert.equal(root.querySelectorAll("sup").length, 2);
});

test("a list is loose by its class, known when the blank line has come", () => {
  assert.equal(bare("- a\n- b"), "<ul><li><p>a</p></li><li><p>b</p></li></ul>");
  assert.equal(bare("3. a\n\n4. b"), '<ol class="loose" start="3"><li><p>a</p></li><li><p>b</p></li></ol>');
});

test("nesting ends at a depth", () => {
  const root = streamed([">".repeat(100), " a\n", "- ".repeat(100), "b"]);
  assert.equal(root.querySelectorAll("blockquote").length, 32);
  assert.ok(root.querySelectorAll("li").length <= 32);
});

test("line ends are those of any system, and NUL is none", () => {
  assert.equal(bare("a\r\nb\rc\n\0"), "<p>a\nb\nc\n\ufffd</p>");
});
