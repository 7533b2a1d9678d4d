/** Whether a page stays smooth while a long answer comes: the gaps between its frames, and tasks that keep it from anything else. */
import { answer } from "./answer.mjs";
import { ask, ended, metrics, openChat } from "./chat.mjs";
import { figures, quantile } from "./report.mjs";

/** 200 tokens a second. */
const PACE = { chunk: 4, pace: 0.005 };

/** In the page: keep the time of each frame, and each task over 50 ms. */
function watch() {
  const seen = (window.seen = { frames: [], tasks: [] });
  const observer = new PerformanceObserver((list) => seen.tasks.push(...list.getEntries().map(({ duration }) => duration)));
  observer.observe({ type: "longtask" });
  const frame = (at) => {
    seen.frames.push(at);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

const gaps = (frames) => frames.slice(1).map((at, n) => at - frames[n]);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** One answer, from its first words until its end has been put on the screen. */
async function streamed(surroundings, path, length, throttle) {
  const page = await openChat(surroundings, path);
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable");
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: throttle });
  const say = answer(length);
  await ask(page, { say, ...PACE });
  const before = await metrics(cdp);
  const from = Date.now();
  await page.evaluate(watch);
  const text = await ended(page);
  const seconds = (Date.now() - from) / 1000;
  await pause(300);
  const after = await metrics(cdp);
  const seen = await page.evaluate(() => window.seen);
  await page.close();
  return { seconds, isWhole: text === say, ...seen, ...spent(before, after, seen.frames.length) };
}

function spent(before, after, frames) {
  const rose = (name) => after[name] - before[name];
  return { layouts: rose("LayoutCount") / frames, busy: rose("TaskDuration") / rose("Timestamp") };
}

export async function smoothness({ quick, ...surroundings }) {
  const length = quick ? 5_000 : 20_000;
  const usual = await streamed(surroundings, "/smooth", length, 1);
  const slow = await streamed(surroundings, "/slow", length, 4);
  return { length, usual, slow, broken: [usual, slow].filter(({ isWhole }) => !isWhole).length };
}

/** @param {string} name @param {Awaited<ReturnType<typeof streamed>>} found @param {boolean} hasGoals */
function rows(name, { frames, tasks, layouts, busy, seconds }, hasGoals) {
  const waits = gaps(frames);
  const at = (share) => quantile(waits, share);
  return [
    { name: `${name}: tasks over 50 ms`, value: tasks.length, digits: 0, most: hasGoals ? 0 : undefined },
    { name: `${name}: longest of them`, value: Math.max(0, ...tasks), digits: 0, unit: " ms" },
    { name: `${name}: frame gap, p50`, value: at(0.5), unit: " ms" },
    { name: `${name}: frame gap, p99`, value: at(0.99), unit: " ms" },
    { name: `${name}: frame gap, longest`, value: at(1), unit: " ms" },
    { name: `${name}: layouts a frame`, value: layouts, digits: 2, most: hasGoals ? 2 : undefined },
    { name: `${name}: the page's thread is busy`, value: busy * 100, digits: 0, unit: " %" },
    { name: `${name}: the answer took`, value: seconds, unit: " s" },
  ];
}

/** @param {Awaited<ReturnType<typeof smoothness>>} found */
export function report({ length, usual, slow, broken }) {
  return [
    `An answer of ${length.toLocaleString("en")} characters, 200 tokens of 4 a second; answers not whole: ${broken}`,
    "",
    figures([...rows("full speed", usual, true), ...rows("a fourth of it", slow, false)]),
  ].join("\n");
}
