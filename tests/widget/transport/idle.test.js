import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { IdleLimit, TIMERS } from "../../../static/widget/src/idle_limit.js";
import { begin, chunk, DONE, FakeTimers, failure, serve, stream, visitor, WHOLE } from "./support.js";

/** A server whose stream is written to by the test. */
async function open(t, parts) {
  let tell;
  const begun = new Promise((resolve) => (tell = resolve));
  const { baseUrl, requests } = await serve(t, (_, response) => {
    begin(response, parts);
    tell(response);
  });
  return { baseUrl, begun, requests };
}

test("silence ends a request after its time, and what was there is kept", async (t) => {
  const { baseUrl, requests } = await open(t, [chunk("Green")]);
  const { ask, timers } = visitor(baseUrl);
  const asked = failure(ask());
  await timers.armed(3); // at its start, with its head, with what came
  timers.advance(60_000);
  const found = await asked;
  assert.deepEqual([found.state, found.code, found.partial], ["timeout", "idle_timeout", "Green"]);
  assert.deepEqual([found.canRetry, found.canContinue], [true, true]);
  await requests[0].closed;
});

test("a heartbeat is a sign of life, for as long as it takes", async (t) => {
  const { baseUrl, begun } = await open(t, []);
  const { ask, timers } = visitor(baseUrl);
  const asked = ask();
  await timers.armed(2);
  const response = await begun;
  for (let beat = 0; beat < 12; beat++) {
    timers.advance(59_000);
    response.write(":\n\n");
    await timers.armed(3 + beat);
  }
  response.end(WHOLE.join(""));
  const answer = await asked;
  assert.equal(answer.choices[0].message.content, "Green tea.");
  assert.equal(answer.meta.timings.completeMs, 12 * 59_000);
  assert.equal(answer.meta.timings.firstByteMs, 59_000);
});

test("a server that never answers is not waited for without end, nor asked again", async (t) => {
  const { baseUrl, requests } = await serve(t, () => {});
  const { ask, timers } = visitor(baseUrl, { idleSeconds: 5 });
  const asked = failure(ask());
  timers.advance(5000);
  const found = await asked;
  assert.deepEqual([found.state, found.partial], ["timeout", ""]);
  assert.ok(requests.length <= 1);
});

test("a whole answer has the limit too", async (t) => {
  const { baseUrl } = await serve(t, () => {});
  const { ask, timers } = visitor(baseUrl);
  const asked = failure(ask({ stream: false }));
  timers.advance(60_000);
  assert.equal((await asked).state, "timeout");
});

test("a page that slept reads first what came meanwhile", async (t) => {
  const { baseUrl, begun } = await open(t, [chunk("Green")]);
  const { ask, timers } = visitor(baseUrl);
  const asked = ask();
  await timers.armed(3);
  timers.wake(3_600_000);
  (await begun).end([chunk(" tea."), chunk(null, "stop"), DONE].join(""));
  assert.equal((await asked).choices[0].message.content, "Green tea.");
});

test("a page that slept, and a server that is gone: the limit comes a little later", async (t) => {
  const { baseUrl } = await open(t, [chunk("Green")]);
  const { ask, timers } = visitor(baseUrl);
  const asked = failure(ask());
  await timers.armed(3);
  timers.wake(3_600_000);
  timers.wake(3_600_000);
  assert.equal((await asked).state, "timeout");
});

test("nothing is left behind", async (t) => {
  const { baseUrl } = await serve(t, (_, response) => stream(response));
  const listeners = { add: 0, remove: 0 };
  const stop = new AbortController();
  for (const name of ["add", "remove"]) {
    const plain = stop.signal[`${name}EventListener`];
    stop.signal[`${name}EventListener`] = (...words) => {
      listeners[name] += 1;
      plain.apply(stop.signal, words);
    };
  }
  const { ask, timers } = visitor(baseUrl);
  await ask({ signal: stop.signal });
  assert.equal(timers.pending, 0);
  assert.deepEqual(listeners, { add: 1, remove: 1 });
});

test("after [DONE] heartbeats do not renew the last second", async () => {
  const { api, timers } = visitor("");
  const bytes = (text) => new TextEncoder().encode(text);
  let pulls = 0;
  const pull = (controller) => {
    if (pulls++) timers.advance(600);
    controller.enqueue(bytes(pulls > 1 ? ":\n\n" : WHOLE.join("")));
    if (pulls > 20) controller.close();
  };
  const body = new ReadableStream({ pull }, { highWaterMark: 0 });
  await api.handleStreamingResponse(new Response(body, { headers: { "Content-Type": "text/event-stream" } }));
  assert.ok(pulls < 5, `${pulls}`);
});

test("a response that came to a visitor who had stopped is not read", async () => {
  const silent = new ReadableStream({});
  const response = new Response(silent, { headers: { "Content-Type": "text/event-stream" } });
  const { api, listeners, seen } = visitor("");
  const found = await failure(api.handleStreamingResponse(response, { ...listeners, signal: AbortSignal.abort() }));
  assert.deepEqual([found.state, seen.chunks], ["stopped_by_visitor", []]);
});

test("a real clock works too", async () => {
  const limit = new IdleLimit(1, undefined, TIMERS);
  await new Promise((tell) => limit.signal.addEventListener("abort", tell));
  assert.equal(limit.failure().state, "timeout");
  assert.ok(Math.abs(TIMERS.now() - Date.now()) < 60_000);
});

describe("the reader is released and the body cancelled", () => {
  /** A response whose body says what became of it. */
  function watched(parts, { end = true } = {}) {
    const state = { cancelled: false, controller: null };
    const body = new ReadableStream({
      start(controller) {
        state.controller = controller;
        controller.enqueue(new TextEncoder().encode(parts.join("")));
        if (end) controller.close();
      },
      cancel: () => void (state.cancelled = true),
    });
    return { response: new Response(body, { headers: { "Content-Type": "text/event-stream" } }), state };
  }

  const rows = {
    "after the end": [watched(WHOLE), {}, false],
    "after [DONE], where the server goes on": [watched(WHOLE, { end: false }), { advance: 1000 }, true],
    "after an abort": [watched([chunk("G")], { end: false }), { abort: true }, true],
    "after silence": [watched([chunk("G")], { end: false }), { advance: 60_000 }, true],
    "after an exception of onChunk": [watched([chunk("G")], { end: false }), { thrown: new TypeError("mine") }, true],
    "after an event over the cap": [watched([`data: ${"x".repeat(9 * 2 ** 20)}`], { end: false }), {}, true],
  };
  for (const [name, [{ response, state }, { advance, abort, thrown }, cancelled]] of Object.entries(rows)) {
    test(name, async () => {
      const timers = new FakeTimers();
      const { api } = visitor("", { timers });
      const stop = new AbortController();
      const onChunk = () => {
        if (abort) stop.abort();
        if (thrown) throw thrown;
      };
      const reading = api.handleStreamingResponse(response, { signal: stop.signal, onChunk }).catch((error) => error);
      if (advance) {
        await timers.armed(3);
        timers.advance(advance);
      }
      const found = await reading;
      if (thrown) assert.equal(found, thrown);
      assert.equal(response.body.locked, false);
      assert.equal(state.cancelled, cancelled);
    });
  }

  test("after an error of the body", async () => {
    const { response, state } = watched([chunk("G")], { end: false });
    const { api } = visitor("");
    const found = await failure(api.handleStreamingResponse(response, { onChunk: () => state.controller.error(new TypeError("gone")) }));
    assert.deepEqual([found.state, response.body.locked], ["incomplete", false]);
  });
});

test("what a listener throws comes through as it is, is not tried again, and leaves the server", async (t) => {
  for (const name of ["onChunk", "onState", "onCitations"]) {
    const { baseUrl, begun, requests } = await open(t, [chunk("Green", null, { citations: [{ id: "c" }] })]);
    const mine = new TypeError("mine");
    const thrower = (progress) => {
      if (progress.state !== "sending") throw mine;
    };
    assert.equal(await failure(visitor(baseUrl).ask({ [name]: thrower })), mine);
    await begun;
    await requests[0].closed;
    assert.equal(requests.length, 1);
  }
});
