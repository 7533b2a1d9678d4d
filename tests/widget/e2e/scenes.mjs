/**
 * Every state that a visitor can find the chat in, each played by real presses: looked at by the accessibility tests and by the
 * command that takes the pictures of docs/.
 *
 * A scene has a `name`, what differs of the browser (`context`), of the page (`html`: attributes of <html>, `body`) and of the tag
 * (`more`, `key`), and `play(page)`, which ends in the state.
 */
import { pageWith, scripted, tag } from "./harness.mjs";

const CITATIONS = [
  { id: "a", n: 1, title: "Our teas", url: "https://shop.example/teas", place: "Herbal teas", text: "Rooibos, peppermint and chamomile have no caffeine. Rooibos is the strongest of them." },
  { id: "b", n: 2, title: "Delivery", url: "https://shop.example/delivery", place: "", text: "Orders before noon leave on the same day." },
];
const LONG = `Three of our teas have **no caffeine** [1]:

- **Rooibos**, from South Africa: full and a little sweet
- **Peppermint**: fresh, also cold
- **Chamomile**: mild, for the evening

They are herbs, not tea leaves, so there is nothing to take out. Orders before noon leave on the same day [2].

## How to make them

1. Boil fresh water.
2. Take one spoon for each cup.
3. Let it stand for *five to eight* minutes.

> Rooibos does not turn bitter, however long it stands.`;
const TABLE = `| Tea | Caffeine | Time | 100 g |
| --- | :---: | ---: | ---: |
| Rooibos | none | 8 min | € 4.90 |
| Peppermint | none | 6 min | € 3.80 |
| Sencha | some | 2 min | € 7.20 |
| Assam | much | 4 min | € 5.40 |`;
const CODE = "Put this tag into your page:\n\n```html\n<script src=\"https://chat.example/static/widget/js/chatbot-widget.js\"\n  data-key=\"pk_…\" async></script>\n```\n\nand call `ChatbotWidget.open()` where you like.";

let unique = 0;
/** @param {import("playwright-core").Page} page @param {string | object} told a question, or a script for its answer */
export async function ask(page, told, shown = "Which tea has no caffeine?") {
  if (typeof told === "string") return page.evaluate((text) => void ChatbotWidget.send(text), told);
  // The script goes to the provider; what a visitor would have asked is shown.
  await page.route("**/chat/completions", async (route) => {
    const body = route.request().postDataJSON();
    body.messages[0].content = scripted({ ...told, n: ++unique });
    await route.continue({ postData: JSON.stringify(body) });
  }, { times: 1 });
  await page.evaluate((text) => void ChatbotWidget.send(text), shown);
}
const answered = (page) => page.locator(".bot .actions").last().waitFor();

/** Answer the next questions with a refusal, as the server sends it. */
async function refuse(page, status, code, message, headers = {}) {
  const told = { "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "*", "X-Request-ID": "req_0123456789abcdef", ...headers };
  await page.route("**/chat/completions", (route) => route.fulfill({ status, headers: told, json: { error: { message, type: "error", code, param: null } } }));
}

/** @param {string} name @param {() => (page: any) => unknown} failing */
const failure = (name, failing) => ({ name: `failure-${name}`, play: async (page) => {
  await failing(page);
  await page.locator(".notice").last().waitFor();
} });

const greet = (page) => page.locator(".panel h2", { hasText: "Tea shop" }).waitFor();
const long = async (page) => {
  await ask(page, { say: LONG, citations: CITATIONS });
  await answered(page);
};
const press = (page, name) => page.getByRole("button", { name, exact: true }).last().click();

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** @type {Array<{ name: string, play: (page: import("playwright-core").Page) => unknown, context?: object, html?: string, body?: string, more?: string, key?: string, closed?: boolean }>} */
export const SCENES = [
  { name: "closed", closed: true, play: (page) => page.locator(".launcher").waitFor() },
  { name: "greeting", play: (page) => page.locator(".suggestions").waitFor() },
  { name: "typing", play: async (page) => {
    await ask(page, { say: "x", first: 30 });
    await page.locator(".bot [aria-busy]").waitFor();
  } },
  { name: "desktop", play: long },
  { name: "dark", context: { colorScheme: "dark" }, more: 'data-theme="auto"', play: long },
  { name: "mobile", context: PHONE, play: long },
  { name: "long-answer", play: async (page) => {
    await ask(page, { say: `${LONG}\n\n${LONG}\n\n${LONG}`, citations: CITATIONS });
    await answered(page);
  } },
  { name: "table", play: async (page) => {
    await ask(page, { say: TABLE }, "What do your teas cost?");
    await answered(page);
  } },
  { name: "code", more: "data-highlight", play: async (page) => {
    await ask(page, { say: CODE }, "How do I get this chat?");
    await answered(page);
    await page.locator(".code [class^=hljs]").first().waitFor();
  } },
  { name: "citations", play: async (page) => {
    await ask(page, { say: "Rooibos, peppermint and chamomile [1]. Orders before noon leave on the same day [2]. A number of no source is dead [7].", citations: CITATIONS });
    await answered(page);
    await page.getByRole("button", { name: /^Source 1/ }).click();
  } },
  { name: "right-to-left", html: 'lang="ar" dir="rtl"', play: async (page) => {
    await ask(page, { say: "ثلاثة من أنواع الشاي لدينا **خالية من الكافيين** [1]:\n\n- رويبوس\n- نعناع (Peppermint)\n- بابونج\n\n`ChatbotWidget.open()`", citations: CITATIONS }, "أي شاي بلا كافيين؟");
    await answered(page);
  } },
  { name: "japanese", html: 'lang="ja"', play: async (page) => {
    await ask(page, { say: "カフェインを含まないお茶は**「ルイボス」**など三種類です [1]。", citations: CITATIONS }, "カフェインのないお茶はどれですか？");
    await answered(page);
  } },
  { name: "italian", html: 'lang="it"', play: async (page) => {
    await ask(page, { say: "Tre tè sono **senza caffeina** [1].", citations: CITATIONS }, "Quale tè è senza caffeina?");
    await answered(page);
  } },
  { name: "rated", play: async (page) => {
    await long(page);
    await press(page, "Not helpful");
    await page.locator(".why").waitFor();
  } },
  { name: "edited", play: async (page) => {
    await long(page);
    await press(page, "Edit");
    await page.locator(".editing").waitFor();
  } },
  { name: "menu", play: async (page) => {
    await long(page);
    await press(page, "More");
    await page.locator(".menu").waitFor();
  } },
  { name: "forgetting", play: async (page) => {
    await long(page);
    await press(page, "More");
    await press(page, "Forget this conversation");
    await page.locator(".sure").waitFor();
  } },
  { name: "forgotten", play: async (page) => {
    await long(page);
    await page.evaluate(() => ChatbotWidget.forgetConversation());
    await page.locator(".suggestions").waitFor();
  } },
  { name: "history", play: async (page) => {
    await long(page);
    await page.reload();
    await page.locator(".launcher").click();
    await answered(page);
  } },
  { name: "scrolled-up", play: async (page) => {
    await ask(page, { say: `${LONG}\n\n${LONG}` });
    await page.locator(".to-end").waitFor();
  } },
  { name: "unread", closed: true, play: async (page) => {
    await page.evaluate(() => ChatbotWidget.addBotMessage("Your order has left."));
    await page.locator(".badge").waitFor();
  } },
  { name: "offline", play: async (page) => {
    await long(page);
    await page.context().setOffline(true);
    await page.locator(".banner", { hasText: /./ }).waitFor();
  } },
  { name: "consent", more: "data-consent", play: (page) => page.getByRole("button", { name: "Agree and start" }).waitFor() },
  { name: "too-long", key: "narrow", play: async (page) => {
    await page.locator("textarea").fill("word ".repeat(3000));
    await page.locator("textarea").press("Enter");
    await page.locator(".over").waitFor();
  } },
  { name: "in-the-page", more: 'data-container="#help"', body: '<div id="help" style="height:520px;max-width:640px"></div>', play: long },
  { name: "image", play: async (page) => {
    await ask(page, { say: "![A pot](https://shop.example/pot.png)\n\n- [x] done\n- [ ] to do" });
    await answered(page);
  } },
  failure("incomplete", (page) => ask(page, { fault: "cut", tokens: 40 })),
  failure("length", (page) => ask(page, { say: LONG, finish: "length" })),
  failure("content-filter", (page) => ask(page, { say: "That is", finish: "content_filter" })),
  failure("stopped-by-visitor", async (page) => {
    await ask(page, { say: LONG, pace: 0.2 });
    await page.locator(".bot .message-content", { hasText: "Three" }).last().waitFor();
    await press(page, "Stop the answer");
  }),
  failure("refused", async (page) => {
    await refuse(page, 400, "invalid_request", "The question is too long: 8000 characters at the most.");
    await ask(page, "Which tea has no caffeine?");
  }),
  failure("rate-limited", async (page) => {
    await refuse(page, 429, "rate_limit_exceeded", "At most 20 questions a minute.", { "Retry-After": "40" });
    await ask(page, "Which tea has no caffeine?");
  }),
  failure("over-budget", async (page) => {
    await refuse(page, 429, "budget_exceeded", "The month's budget is used up.");
    await ask(page, "Which tea has no caffeine?");
  }),
  failure("stopped", async (page) => {
    await refuse(page, 503, "service_stopped", "We are moving house, and back on Monday.");
    await ask(page, "Which tea has no caffeine?");
  }),
  failure("unavailable", async (page) => {
    await refuse(page, 500, "internal_error", "A fault.");
    await ask(page, "Which tea has no caffeine?");
  }),
  failure("timeout", async (page) => {
    await refuse(page, 504, "upstream_timeout", "No answer in time.", { "X-Should-Retry": "false" });
    await ask(page, "Which tea has no caffeine?");
  }),
  failure("retrying", async (page) => {
    await page.route("**/chat/completions", (route) => route.abort());
    await ask(page, "Which tea has no caffeine?");
    await page.locator(".retrying").waitFor();
  }),
  failure("not-here", async (page) => {
    const told = { status: 403, headers: { "Access-Control-Allow-Origin": "*" }, json: { error: { message: "This key is not for pages of https://shop.example.", type: "permission_error", code: "permission_denied", param: null } } };
    await page.route("**/widget/config*", (route) => route.fulfill(told));
    await page.reload();
    await page.locator(".launcher").click();
  }),
];

/**
 * Play a scene on a page of its own. @param {{ browser: any, server: any, site: any }} at @param {(typeof SCENES)[number]} scene
 * @param {object} [context] what differs of the browser besides
 */
export async function played({ browser, server, site }, scene, context = {}) {
  const opened = await browser.newContext({ viewport: { width: 1000, height: 760 }, locale: "en-GB", ...scene.context, ...context });
  opened.setDefaultTimeout(20_000);
  const page = await opened.newPage();
  const key = server.keys[scene.key ?? "shop"];
  const html = pageWith(`${scene.body ?? ""}${tag(server, scene.more ?? "", key)}`).replace('lang="en"', scene.html ?? 'lang="en"');
  await page.goto(site.add(`/${scene.name}-${++unique}`, html));
  await page.waitForFunction(() => window.ChatbotWidget && "current" in ChatbotWidget);
  if (!scene.closed) await page.evaluate(() => ChatbotWidget.open({ focus: false }));
  if (!scene.closed && !scene.key) await greet(page).catch(() => {});
  await scene.play(page);
  return { page, close: () => opened.close() };
}
