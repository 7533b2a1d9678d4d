/** What a long conversation keeps, whether all of it goes with `shutdown`, and whether its last answer costs more than its first. */
import { shortAnswer } from "./answer.mjs";
import { kept, openChat } from "./chat.mjs";
import { figures, median, shown, table } from "./report.mjs";
import { scripted } from "../../tests/widget/e2e/harness.mjs";

const STEPS = [100, 300, 500];
/** Kilobytes that an engine keeps or not as it likes: compiled code, caches. */
const TOLERANCE = 200;
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "credentialless" };

/** In the page: ask, one question after another; how many answers came as they were sent. */
async function converse(questions) {
  let whole = 0;
  for (const { question, say } of questions) {
    const told = new Promise((resolve) => {
      ["answer", "error"].forEach((type) => ChatbotWidget.on(type, function once({ text }) {
        ["answer", "error"].forEach((each) => ChatbotWidget.off(each, once));
        resolve(text);
      }));
    });
    await ChatbotWidget.send(question);
    whole += Number((await told) === say);
  }
  return whole;
}

/** Questions as long as their answers. @param {number} from @param {number} count */
function questions(from, count) {
  return Array.from({ length: count }, (_, n) => {
    const say = shortAnswer(from + n);
    return { say, question: scripted({ say, chunk: 16 }) };
  });
}

const inTranscript = (page) => page.evaluate(() => {
  const { shadowRoot } = document.querySelector("chatbot-widget");
  return { messages: shadowRoot.querySelectorAll(".message").length, buttons: shadowRoot.querySelectorAll(".transcript button").length };
});

const shutDown = (page) => page.evaluate(() => {
  ChatbotWidget.shutdown();
  return new Promise((done) => setTimeout(done, 100));
});

/** A conversation of 500 messages, all of them really asked and answered, and forgotten. */
async function conversation(surroundings) {
  const page = await openChat(surroundings, "/long");
  const cdp = await page.context().newCDPSession(page);
  const pairs = 50;
  let whole = await page.evaluate(converse, questions(0, pairs));
  await shutDown(page);
  const look = async () => ({ ...(await inTranscript(page)), ...(await kept(cdp)) });
  const states = [await look()];
  let asked = 0;
  for (const messages of STEPS) {
    whole += await page.evaluate(converse, questions(asked + pairs, messages / 2 - asked));
    asked = messages / 2;
    states.push(await look());
  }
  await shutDown(page);
  states.push(await look());
  await page.close();
  return { states, broken: asked + pairs - whole };
}

/**
 * In the page: answers one under another, each in pieces of 16 characters, one a frame. Frames come when they are called
 * for, so that what is timed is the flush and its layout, not the wait.
 */
function answersTimed(texts, count) {
  const { transcript } = ChatbotWidget.current.panel;
  const waiting = [];
  const { requestAnimationFrame: real } = window;
  window.requestAnimationFrame = (work) => waiting.push(work);
  const costs = [];
  for (let n = 0; n < count; n++) {
    const from = performance.now();
    const message = transcript.addAnswer();
    for (const piece of texts[n % texts.length].match(/[^]{1,16}/g)) {
      message.write(piece);
      waiting.splice(0).forEach((work) => work());
      transcript.node.getBoundingClientRect();
    }
    message.finish();
    costs.push(performance.now() - from);
  }
  window.requestAnimationFrame = real;
  return costs;
}

/** What the 10th and the 500th answer cost: the medians of the ten around. */
async function lateAnswers(surroundings, rounds) {
  const page = await openChat(surroundings, "/late", ISOLATED);
  const texts = Array.from({ length: 10 }, (_, n) => shortAnswer(n));
  const run = (count) => page.evaluate(`(${answersTimed})(${JSON.stringify(texts)}, ${count})`);
  await run(50);
  const early = [];
  const late = [];
  for (let round = 0; round < rounds; round++) {
    await shutDown(page);
    await page.evaluate(() => ChatbotWidget.open());
    await page.locator(".bot").first().waitFor();
    const costs = await run(500);
    early.push(...costs.slice(5, 15));
    late.push(...costs.slice(-10));
  }
  await page.close();
  return { early: median(early), late: median(late) };
}

export async function memory({ quick, ...surroundings }) {
  return { ...(await conversation(surroundings)), ...(await lateAnswers(surroundings, quick ? 2 : 5)) };
}

/** @param {Awaited<ReturnType<typeof memory>>} found */
export function report({ states, broken, early, late }) {
  const [start, first, middle, last, end] = states;
  const perMessage = (from, to) => (to.heap - from.heap) / 1024 / (to.messages - from.messages);
  const rose = (field) => end[field] - start[field];
  const names = ["before", "messages", "messages", "messages", "after shutdown"];
  const row = ({ messages, heap, nodes, listeners, buttons }, n) =>
    [names[n] === "messages" ? `${messages} messages` : names[n], shown(heap / 1024, 0), shown(nodes, 0), shown(listeners, 0), shown(buttons, 0)];
  return [
    `Questions and answers of some 300 characters; answers not whole: ${broken}`,
    "",
    table(["", "heap, KB", "nodes", "listeners", "buttons in the messages"], states.map(row)),
    "",
    figures([
      { name: "heap after shutdown, above the start", value: rose("heap") / 1024, digits: 0, unit: " KB", most: TOLERANCE },
      { name: "nodes after shutdown, above the start", value: rose("nodes"), digits: 0, most: 0 },
      { name: "listeners after shutdown, above the start", value: rose("listeners"), digits: 0, most: 0 },
      { name: "heap a message", value: perMessage(first, last), unit: " KB", most: 10 },
      { name: "heap a message, 300 to 500, to 100 to 300", value: perMessage(middle, last) / perMessage(first, middle), digits: 2, unit: " times", most: 1.25 },
      { name: "listeners a button, 100 to 500", value: (last.listeners - first.listeners) / (last.buttons - first.buttons), digits: 2, most: 1 },
      { name: "cost of the 10th answer", value: early, digits: 2, unit: " ms" },
      { name: "cost of the 500th answer, to the 10th", value: late / early, digits: 2, unit: " times", most: 1.5 },
    ]),
  ].join("\n");
}
