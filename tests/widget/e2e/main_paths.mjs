/**
 * What has to work in every browser, whatever drives it: a driver can open a page, evaluate an expression, click a point
 * and press keys, all as a visitor would; the rest is here.
 *
 * @typedef {object} Tab
 * @property {(address: string) => Promise<unknown>} open
 * @property {(expression: string) => Promise<string>} evaluate
 * @property {(x: number, y: number) => Promise<unknown>} click
 * @property {(text: string) => Promise<unknown>} type
 * @property {(...keys: string[]) => Promise<unknown>} press all down, then up
 * @property {() => Promise<unknown>} close with all that the tab has stored
 */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";

import arabic from "../../../static/widget/src/locales/ar.js";
import { noteStates, pageWith, scripted, surrounded, tag, until } from "./harness.mjs";
import { ALL_FORMS, countListeners, NONCE, noteKeys, noteViolations, POLICIES, stylesOfWidget, TORTURE, traces, TRUSTED_TYPES } from "./hostile.mjs";
import { startBufferingProxy, startLine } from "./line.mjs";

/** A page as its visitor has it. In `run`, `root` is the chat's shadow root. */
class Visit {
  /** @param {Tab} tab */
  constructor(tab) {
    this.tab = tab;
  }

  /** What `work` gives in the page. As a text: a driver's own form of values is slow for long ones. */
  async run(work, ...values) {
    const root = `document.querySelector("chatbot-widget")?.shadowRoot`;
    return JSON.parse(await this.tab.evaluate(`JSON.stringify((${work})(${[root, ...values.map((v) => JSON.stringify(v))]}) ?? null)`));
  }

  sees(work, ...values) {
    return until(() => this.run(work, ...values), String(work));
  }

  /** Wait for a node of the chat that is shown, the last of its kind; its text. */
  shown(selector, words = "") {
    return this.sees((root, selector, words) => {
      const node = [...(root?.querySelectorAll(selector) ?? [])].findLast((one) => one.checkVisibility() && one.textContent.includes(words));
      return node && { text: node.textContent };
    }, selector, words);
  }

  /** Click the first such node of the chat. */
  async click(selector) {
    await this.shown(selector);
    const [x, y] = await this.run((root, selector) => {
      const node = [...root.querySelectorAll(selector)].find((one) => one.checkVisibility());
      node.scrollIntoView({ block: "nearest" });
      const { x, y, width, height } = node.getBoundingClientRect();
      return [x + width / 2, y + height / 2];
    }, selector);
    await this.tab.click(Math.round(x), Math.round(y));
  }

  async openChat() {
    await this.click(".launcher");
    await this.shown(".panel h2", "Tea shop");
  }

  /** As a visitor who was never here: a browser keeps what tests before have said. */
  async anew() {
    await this.run(() => { ChatbotWidget.shutdown(); ChatbotWidget.open(); });
    await this.shown(".suggestions");
  }

  /** Ask by the page's API: a script is long to type. */
  send(told) {
    return this.run((_, text) => void ChatbotWidget.send(text), scripted(told));
  }

  done() {
    return this.shown(".bot .actions");
  }

  said() {
    return this.run((root) => [...root.querySelectorAll(".bot .message-content")].at(-1).textContent);
  }

  /** What has the focus, within the chat if it is there. */
  focused() {
    return this.run(() => {
      const node = document.activeElement;
      const inner = node.shadowRoot?.activeElement ?? node;
      return inner.className || inner.localName;
    });
  }
}

const CITATIONS = [{ id: "a", n: 1, title: "Teas", url: "https://shop.example/teas", place: "p. 3", text: "There are three." }];
const ANSWER = "## Teas\n\n- **Green** [1]\n- Black\n\n```js\nlet tea = 1;\n```\n\n<img src=x> [shop](https://shop.example/a) [bad](javascript:alert(1)) the end";
const inline = (work) => `<script>(${work})()</script>`;

/**
 * @param {string} name of the browser
 * @param {{ skip?: string }} options
 * @param {() => Promise<{ tab: () => Promise<Tab>, stop: () => Promise<unknown> }>} start
 * @param {{ integrity?: string }} [limits] what the browser can't, and why
 */
export function mainPaths(name, options, start, limits = {}) {
  describe(name, options, () => {
    let browser, site, server, tab, line;
    surrounded(start, (...all) => ([server, site, browser] = all));
    afterEach(async () => {
      await tab?.close();
      line?.stop();
    });

    let count = 0;
    async function visit(html, headers) {
      tab = await browser.tab();
      await tab.open(site.add(`/${++count}`, { html, headers }));
      return new Visit(tab);
    }
    async function chat(html = pageWith(tag(server))) {
      const page = await visit(html);
      await page.openChat();
      return page;
    }

    test("from the tag to an answer, by mouse and keys", async () => {
      const page = await chat();
      assert.equal(await page.focused(), "textarea");
      await page.tab.type("How long is the delivery?");
      await page.tab.press("Enter");
      assert.equal((await page.shown(".user")).text, "How long is the delivery?");
      await page.done();
      assert.ok((await page.said()).length > 100);
      assert.match((await page.shown(".panel > [role=status]")).text, /^Answered, \d+ words/);
    });

    test("in the page's language, from right to left, once the visitor has agreed", async () => {
      const page = await chat(pageWith(tag(server, "data-consent")).replace('lang="en"', 'lang="ar"'));
      await page.shown(".consent", arabic.consentText.slice(0, 30));
      const stored = () => page.run(() => Object.keys(localStorage).length);
      assert.equal(await stored(), 0);
      await page.click(".consent .button");
      await page.shown(".suggestions");
      assert.equal(await stored(), 1);
      await page.tab.type("How long is the delivery?");
      await page.tab.press("Enter");
      await page.done();
      assert.ok((await page.shown(".panel > [role=status]")).text.startsWith(arabic.answered.split("{")[0]));
      const [panel, user] = await page.run((root) => [".panel", ".user"].map((one) => root.querySelector(one).getBoundingClientRect().toJSON()));
      assert.ok(user.left - panel.left < panel.right - user.right, "a question stands at the end, which is left");
      assert.equal((await page.run((root) => root.querySelector("form .icon").ariaLabel)), arabic.send);
    });

    test("an answer grows as it comes, and has its structure and its sources", async () => {
      const page = await chat();
      await page.run(noteStates);
      await page.send({ say: ANSWER, citations: CITATIONS, chunk: 4, pace: 0.05 });
      await page.done();
      const states = await page.run(() => window.states);
      assert.ok(states.length > 5, String(states.length));
      assert.ok(states.some((text) => text.includes("Green") && !text.includes("the end")));
      const found = await page.run((root) => {
        const answer = [...root.querySelectorAll(".bot .message-content")].at(-1);
        const texts = (selector) => [...answer.querySelectorAll(selector)].map((node) => node.textContent);
        return { h2: texts("h2"), strong: texts("li strong"), li: texts("li").length, code: texts("pre code"), img: texts("img"), links: [...answer.querySelectorAll("a")].map((a) => a.href) };
      });
      assert.deepEqual(found, { h2: ["Teas"], strong: ["Green"], li: 2, code: ["let tea = 1;\n"], img: [], links: ["https://shop.example/a"] });
      await page.click(".cite");
      assert.match((await page.shown(".sources details[open]")).text, /Teas, p\. 3.*There are three\./s);
    });

    for (const [policy, words] of Object.entries(POLICIES)) {
      test(`a policy that ${policy}: works under Trusted Types, no violation`, async () => {
        site.add("/note.js", { html: `(${noteViolations})()`, headers: { "Content-Type": "text/javascript" } });
        const head = `<script src="/note.js" nonce="${NONCE}"></script>`;
        const headers = { "Content-Security-Policy": `${words(server.base)}; ${TRUSTED_TYPES}` };
        const page = await visit(pageWith(tag(server, `nonce="${NONCE}"`), head), headers);
        await page.openChat();
        await page.tab.type("How long is the delivery?");
        await page.tab.press("Enter");
        await page.done();
        assert.deepEqual(await page.run(() => violations), []);
      });
    }

    test("a hostile page changes no computed style of the widget", async () => {
      const styles = async (head) => {
        // A scroll bar that takes room is on both pages.
        const page = await visit(pageWith(tag(server), `<style>html{overflow-y:scroll}</style>${head}`));
        await page.sees(() => "current" in ChatbotWidget);
        await page.run((_, text) => { ChatbotWidget.open(); ChatbotWidget.addBotMessage(text); }, ALL_FORMS);
        await page.shown(".panel h2", "Tea shop");
        await page.run((root) => void (root.querySelector(".transcript").scrollTop = 1e6));
        await page.sees((root) => root.querySelector(".to-end")?.hidden && root.querySelector(".banner"));
        const found = await page.run(stylesOfWidget);
        await page.tab.close();
        return found;
      };
      const calm = await styles("");
      const hostile = await styles(TORTURE);
      assert.ok(calm.length > 40);
      assert.equal(hostile.length, calm.length);
      const changed = calm.flatMap(([name, styles], n) => hostile[n][1].filter((one, at) => one !== styles[at]).map((one) => `${name} ${one}, not ${styles.find((s) => s.split(":")[0] === one.split(":")[0])}`));
      assert.deepEqual(changed, []);
    });

    test("a hostile page has a chat in sight that answers", async () => {
      const page = await chat(pageWith(tag(server), TORTURE));
      await page.tab.type("How long is the delivery?");
      await page.tab.press("Enter");
      await page.done();
      await page.click("header .icon:last-child");
      await page.sees((root) => root.querySelector(".panel").hidden);
    });

    test("keys typed in the chat do not reach the page; Escape closes and gives the focus back", async () => {
      const page = await chat(pageWith(`${tag(server)}${inline(noteKeys)}`));
      await page.run(() => void (seen.length = 0));
      await page.tab.type("faststream /k");
      await page.tab.press("Control", "k");
      assert.equal(await page.run((root) => root.querySelector("textarea").value), "faststream /k");
      await page.tab.press("Escape");
      assert.ok(await page.run((root) => root.querySelector(".panel").hidden));
      assert.equal(await page.focused(), "launcher");
      assert.deepEqual(await page.run(() => seen), []);
      await page.run(() => document.querySelector("#search").focus());
      await page.tab.type("a");
      assert.ok((await page.run(() => seen)).includes("keydowna"));
    });

    test("an answer can be stopped; what has come stays", async () => {
      const page = await chat();
      await page.send({ say: "word ".repeat(400), chunk: 5, pace: 0.05 });
      await page.shown(".bot", "word word");
      await page.click("[aria-label='Stop the answer']");
      await page.shown(".notice", "Stopped");
      assert.match(await page.said(), /^word word/);
    });

    test("an answer that broke off is kept, and gone on with in sight", async () => {
      const page = await chat();
      await page.send({ fault: "cut", tokens: 12 });
      const { text } = await page.shown(".notice", "broke off");
      assert.match(text, /Call 02 555 0199.*Continue.*Request req_/s);
      assert.ok((await page.said()).length > 0);
      await page.click(".notice .button");
      await page.shown(".user", "Please go on where you stopped.");
    });

    for (const how of ["reset", "close"]) {
      test(`a connection that is lost in mid-answer (${how}) is told as such`, async () => {
        line = await startLine(server.base);
        const page = await chat(pageWith(tag({ ...server, ...line })));
        await page.send({ say: "word ".repeat(400), chunk: 5, pace: 0.05 });
        await page.shown(".bot", "word word");
        line.cut(how);
        await page.shown(".notice", "The answer broke off.");
        assert.match(await page.said(), /^word word/);
      });
    }

    test("a chat that was changed on its way is not run, and the launcher leads to the plain page", { skip: limits.integrity }, async () => {
      line = await startBufferingProxy(server.base, (body, path) => (path.includes("/body-") ? Buffer.concat([body, Buffer.from(";window.changed=1")]) : body));
      const page = await visit(pageWith(tag({ ...server, ...line })));
      await page.click(".launcher");
      await page.sees(() => [...document.querySelectorAll("a")].some((link) => link.textContent === "Chat"));
      assert.equal(await page.run(() => window.changed), null);
    });

    test("nothing is stored before the first question, and no cookie ever", async () => {
      const page = await chat();
      const stored = () => page.run(() => [...Object.keys({ ...localStorage, ...sessionStorage }), document.cookie]);
      assert.deepEqual(await stored(), [""]);
      await page.send({ say: "Yes." });
      await page.done();
      assert.deepEqual(await stored(), [`chatbot:${server.keys.shop}`, ""]);
    });

    test("its look is the page's: custom properties, and letters that are read on any accent", async () => {
      const page = await chat(pageWith(tag(server), "<style>:root{--chatbot-background:rgb(1,2,3);--chatbot-accent:#ffd400;--chatbot-width:333px}</style>"));
      const styles = await page.run((root) => {
        const of = (selector) => getComputedStyle(root.querySelector(selector));
        const brush = document.createElement("canvas").getContext("2d");
        brush.fillStyle = of(".launcher").color;
        brush.fillRect(0, 0, 1, 1);
        return [of(".panel").backgroundColor, of(".panel").width, of(".launcher").backgroundColor, ...brush.getImageData(0, 0, 1, 1).data];
      });
      assert.deepEqual(styles, ["rgb(1, 2, 3)", "333px", "rgb(255, 212, 0)", 0, 0, 0, 255]);
    });

    test("in an element of the page it fills that, and Escape leaves it open", async () => {
      const page = await visit(pageWith(`<div id="help" style="width:500px;height:420px"></div>${tag(server, 'data-container="#help"')}`));
      await page.shown(".suggestions");
      const boxes = await page.run((root) => [root.querySelector(".panel"), document.querySelector("#help")].map((node) => JSON.stringify(node.getBoundingClientRect())));
      assert.equal(boxes[0], boxes[1]);
      await page.click("textarea");
      await page.tab.press("Escape");
      await page.tab.type("How long?");
      await page.tab.press("Enter");
      await page.done();
    });

    test("the field grows with its text, and shrinks when that is sent", async () => {
      const page = await chat();
      const height = () => page.run((root) => Math.round(root.querySelector("textarea").getBoundingClientRect().height));
      const one = await height();
      await page.tab.type("many words ".repeat(12));
      assert.ok((await height()) > one * 1.8, `${await height()} ${one}`);
      await page.tab.press("Enter");
      await page.shown(".user");
      assert.equal(await height(), one);
    });

    test("a small window is filled, by a modal dialog, and given back", async () => {
      const inside = site.add("/small", pageWith(tag(server)));
      const page = await visit(`<!doctype html><iframe src="${inside}" width="380" height="600"></iframe>`);
      await page.sees(() => "current" in (frames[0].ChatbotWidget ?? {}));
      const state = () => page.run(() => {
        const panel = frames[0].document.querySelector("chatbot-widget").shadowRoot.querySelector(".panel");
        const { x, y, width, height } = panel.getBoundingClientRect();
        return [panel.matches(":modal"), frames[0].document.adoptedStyleSheets.length, x, y, width, height];
      });
      await page.run(() => void frames[0].ChatbotWidget.open());
      await until(async () => (await state())[3] === 0, "opened");
      assert.deepEqual(await state(), [true, 1, 0, 0, 380, 600]);
      await page.run(() => void frames[0].ChatbotWidget.close());
      assert.deepEqual(await state(), [false, 0, 0, 0, 0, 0]);
    });

    test("a conversation is there on the next page, is asked again in its place, and is forgotten", async () => {
      const page = await chat();
      await page.anew();
      await page.send({ say: "It is here.", then: { say: "It is there." }, by: name });
      await page.done();
      await page.tab.open(site.add(`/${++count}`, { html: pageWith(tag(server)) }));
      await page.openChat();
      await page.shown(".bot .message-content", "It is here.");
      await page.done();
      await page.click("[aria-label='Answer again']");
      await page.shown(".bot .message-content", "It is there.");
      await page.done();
      assert.equal(await page.run((root) => root.querySelectorAll(".user").length), 1);
      await page.run(() => void ChatbotWidget.forgetConversation());
      await page.sees((root) => !root.querySelector(".user"));
    });

    test("what is asked in one window of the site grows in the other", async () => {
      const inside = site.add(`/${++count}`, pageWith(tag(server)));
      const page = await chat(pageWith(`${tag(server)}<iframe src="${inside}" width="560" height="600"></iframe>`));
      await page.sees(() => "current" in (frames[0].ChatbotWidget ?? {}));
      await page.anew();
      await page.run(() => void frames[0].ChatbotWidget.open());
      await page.sees(() => frames[0].document.querySelector("chatbot-widget").shadowRoot.querySelector(".suggestions"));
      await page.send({ say: "One two three.", by: name });
      await page.done();
      await page.sees(() => {
        const { shadowRoot } = frames[0].document.querySelector("chatbot-widget");
        return shadowRoot.querySelectorAll(".user").length === 1 && /One two three\./.test([...shadowRoot.querySelectorAll(".bot .message-content")].at(-1).textContent);
      });
    });

    test("destroy leaves no node, listener, global or style", async () => {
      const page = await visit(pageWith("", inline(countListeners)));
      const clean = await page.run(traces);
      await page.run((_, src) => {
        const script = Object.assign(document.createElement("script"), { id: "ours", src });
        document.head.append(script);
      }, `${server.base}/static/widget/js/chatbot-widget.js?key=${server.keys.shop}`);
      await page.openChat();
      await page.send({ say: "Yes." });
      await page.done();
      await page.run(() => { ChatbotWidget.destroy(); document.getElementById("ours").remove(); });
      assert.equal(await page.run(traces), clean);
    });
  });
}
