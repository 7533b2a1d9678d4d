/**
 * Answers as models write them, and text that wants to harm or to cost.
 */
const PARTS = [
  "## What you need to know\n\n",
  "The **return period** is *30 days* from delivery; see [the policy](https://shop.example/returns \"Returns\") [1] for details. You can reach us at help@shop.example, or look at https://status.shop.example/now, which is updated `every minute`.\n\n",
  "1. Open **Settings** → _Account_ and choose `Export`.\n2. Wait for the e-mail:\n   - it has a link\n   - the link works for ~24 hours\n     - after that, ask again\n3. Done ✅\n\n",
  "Here is an example:\n\n```python\ndef total(items):\n    # prices * amounts, `not` Markdown **here**\n    return sum(i.price * i.amount for i in items if i[0] < 3)\n\n\nprint(total([]))\n```\n\n",
  "| Plan | Price | Limits |\n|:-----|------:|:------:|\n| **Free** | $0 | 100 `requests` |\n| Team | $25 | [more](https://shop.example/limits) |\n| Big \\| huge | $5 and $6 | *ask* |\n\n",
  "> **Note:** a < b and 20~25 stay as they are, so do snake_case_words and 2 * 3.\n> The second line of it.\n\n",
  "返品は**「30日以内」**です。詳しくは[返品ポリシー](https://shop.example/ja/返品)をご覧ください。~~古い規則~~は無効です[2, 3]。\n次の行も続きます。\n\n",
  "- [x] read the terms\n- [ ] send the form\n- ***both*** at once\n\n",
  "A longer paragraph with some numbers (1,024 and 3.14), an entity &copy; &amp; so on, a footnote-like mark*, and an array such as `a[0]` or items[2].\nIt goes on over two lines  \nwith a hard break and\\\nanother one. The end!\n\n",
  "Summary\n-------\n\n* one\n* two\n\n  with a paragraph\n* three\n\n---\n\n",
];

/** @param {number} length */
export function answer(length) {
  let text = "";
  for (let i = 0; text.length < length; i++) text += PARTS[i % PARTS.length];
  return text.slice(0, length);
}

/** @param {string} piece @param {number} [length] */
const times = (piece, length = 40_000) => piece.repeat(Math.ceil(length / piece.length)).slice(0, length);

/** Shapes, each as long as it is asked to be. @type {Record<string, (length: number) => string>} */
export const HOSTILE = {
  "an unclosed fence full of brackets": (n) => "```\n" + times("[", n),
  "stars": (n) => times("*", n),
  "stars after a letter": (n) => "a" + times("*", n),
  "open brackets": (n) => times("[", n),
  "open brackets with text": (n) => times("[a", n),
  "images in images": (n) => times("![", n),
  "quotes in quotes": (n) => times("> ", n),
  "quotes, line after line": (n) => times("> > > > > > > > a\n", n),
  "lists in lists": (n) => times("- ", n),
  "lists ever deeper": (n) => Array.from({ length: Math.sqrt(n) }, (_, i) => " ".repeat(i * 2) + "- a\n").join(""),
  "one paragraph": (n) => times("word and another, ", n),
  "one paragraph without a space": (n) => times("word", n),
  "one Japanese paragraph": (n) => times("日本語の文章です。", n),
  "a paragraph full of emphasis": (n) => times("*a* **b** _c_ ~~d~~ ***e*** ", n),
  "openers that close nowhere": (n) => times("*a **b _c ", n),
  "closers that open nowhere": (n) => times("a* b_ ", n),
  "openers of one kind, closers of another": (n) => times("*a_ ", n),
  "emphasis in emphasis": (n) => times("*a ", n / 2) + times("b* ", n / 2),
  "emphasis in a bracket that closes nowhere": (n) => "[" + times("*a* ", n),
  "links that end nowhere": (n) => times("[a](b", n),
  "links with addresses that end nowhere": (n) => times("[a](<b", n),
  "links in brackets": (n) => times("[", n / 2) + times("[a](https://b.c)", n / 2),
  "links in images": (n) => times("![", n / 2) + times("[a](https://b.c)", n / 2),
  "a table": (n) => "| a | b |\n|---|---|\n" + times("| *x* | `y` |\n", n),
  "a row": (n) => "|a|b|\n|-|-|\n|" + times("a|", n),
  "a table's head": (n) => times("|a", n) + "\n" + times("|-", n) + "\n",
  "back-ticks": (n) => Array.from({ length: Math.sqrt(n) * 1.4 }, (_, i) => "`".repeat(i)).join(" "),
  "a back-tick that closes nowhere": (n) => "`" + times("a b ", n),
  "spaces": (n) => "a" + times(" ", n) + "b",
  "spaces at a line's start": (n) => times(" ", n),
  "blank lines": (n) => times("\n", n),
  "spaces after a fence": (n) => "```a" + times(" ", n) + "b\n",
  "spaces in a heading": (n) => "# a" + times(" ", n) + "b",
  "spaces in a table's head": (n) => "| a" + times(" ", n) + "b |\n|-|\n",
  "spaces in a rule": (n) => "-" + times(" ", n) + "-" + times(" ", n) + "a",
  "spaces in a link": (n) => "[a](" + times(" ", n) + "b",
  "angles": (n) => times("<a", n),
  "addresses": (n) => times("https://a.b/", n),
  "mail": (n) => times("a.b+c@", n),
  "a mail address without an end": (n) => "a@" + times("b.", n),
  "definitions": (n) => times("[a]: b\n", n),
  "a definition that ends nowhere": (n) => "[a]: b '" + times("c\n", n),
  "an unfinished heading": (n) => "# a" + times(" #", n),
  "parentheses": (n) => "https://a.b/" + times(")", n),
  "a rule that is none": (n) => times("- ", n) + "a",
  "entities": (n) => times("&am", n),
  "citations": (n) => times("[1][2] ", n),
  "items": (n) => times("- a\n", n),
};

/** What must not lead anywhere or load anything. */
export const POISON = [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "java\tscript:alert(1)",
  "java&#10;script:alert(1)",
  "&#106;avascript:alert(1)",
  "&#x6A;avascript&colon;alert(1)",
  " javascript:alert(1)",
  "\u0001javascript:alert(1)",
  "&#1;javascript:alert(1)",
  "javascript&#58;alert(1)",
  "javascript\\:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "data:image/svg+xml;base64,PHN2Zy8+",
  "vbscript:msgbox(1)",
  "blob:https://page.example/1",
  "file:///etc/passwd",
  "view-source:https://page.example",
  "filesystem:https://page.example/x",
  "feed:javascript:alert(1)",
  "intent://x#Intent;end",
  "ftp://evil.example/x",
  "//evil.example/p.png?d=secret",
  "/\\evil.example/p.png",
  "\\\\evil.example/p.png",
  "https://evil.example/p.png?d=secret",
  "https:evil.example/p.png",
  "p.png",
];
